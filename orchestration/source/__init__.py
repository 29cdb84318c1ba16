"""The billing extract: five CSV files that become the schema `billing` (definition: Source tables).

In the order of the data: `contract` (the rules for each file), `files` (bytes), `staging` (bytes
become checked rows), `upsert` (rows become `billing`), `load` (all of it or nothing). `sample`
writes an extract that looks like a real one.
"""

from orchestration.source.load import LoadSummary, load
from orchestration.source.sample import SampleSummary, write_sample
from orchestration.source.schema import SOURCE_LOCK, ensure_schema
from orchestration.source.upsert import RowCounts

__all__ = [
    "SOURCE_LOCK",
    "LoadSummary",
    "RowCounts",
    "SampleSummary",
    "ensure_schema",
    "load",
    "write_sample",
]
