"""The peers of reports: DuckDB on Parquet files, and DuckDB on its own tables."""
