"""The schema `billing`, for a database that does not have it yet."""

from pathlib import Path
from typing import Any

import psycopg

from orchestration.source.contract import TABLES

SOURCE_LOCK = 0x62696C6C
"""The advisory lock of whoever changes `billing` or reads it as a whole: loads and builds exclude each other."""

_DDL = Path(__file__).with_name("billing.sql")


def ensure_schema(connection: psycopg.Connection[Any]) -> None:
    """Creates `billing` and those of its five tables (spec 1) that are missing; what is there stays as it is.

    Waits for loads and builds only when there is something to create. One transaction: committed when `connection`
    was idle, otherwise a part of its transaction.
    """
    names = [table.name for table in TABLES]
    with connection.transaction():
        there = "select tablename from pg_tables where schemaname = 'billing' and tablename = any(%s)"
        if connection.execute(there, [names]).rowcount < len(names):
            connection.execute("select pg_advisory_xact_lock(%s)", [SOURCE_LOCK])
            connection.execute(_DDL.read_bytes())
