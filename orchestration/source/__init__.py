"""The extract of the billing product: five CSV files that become the schema `billing` (spec 1).

In the order of the way in: `contract` (what a file may say), `files` (bytes), `staging` (bytes become checked rows),
`upsert` (rows become `billing`), `load` (all of it or nothing). `sample` writes an extract that looks like a real one.
"""

from orchestration.source.files import Progress
from orchestration.source.load import LoadSummary, load
from orchestration.source.sample import SampleSummary, write_sample
from orchestration.source.schema import SOURCE_LOCK, ensure_schema
from orchestration.source.upsert import Changes

__all__ = [
    "SOURCE_LOCK",
    "Changes",
    "LoadSummary",
    "Progress",
    "SampleSummary",
    "ensure_schema",
    "load",
    "write_sample",
]
