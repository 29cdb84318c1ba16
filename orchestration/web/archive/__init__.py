"""The archive on the web: search, details, comparison, drill-down and recomputation."""
