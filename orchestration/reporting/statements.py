"""The reporting SQL, one file a statement: fixed text. What a user typed travels as parameters."""

from functools import cache
from pathlib import Path
from typing import Literal

Statement = Literal[
    "clients_behind",
    "cohort_changes",
    "daily_cohorts",
    "data_interval",
    "flows_by_day",
    "flows_of_everyone",
    "flows_of_members",
    "members",
    "owners_in_scope",
    "shared",
    "states",
    "states_of_members",
]


@cache
def statement(name: Statement) -> str:
    """Return the text of `sql/NAME.sql`."""
    return (Path(__file__).parent / "sql" / f"{name}.sql").read_text(encoding="utf-8")
