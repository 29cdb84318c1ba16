"""The same report by DuckDB: from Parquet of the raw tables, and from tables that an analyst has prepared."""
