"""Report queries: parameters, intervals, periods, and the engine that computes the report table."""
