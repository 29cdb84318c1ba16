"""A query asks the marts and gets a table: parameters, intervals, periods, the engine."""
