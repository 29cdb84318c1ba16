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

    Its tables are watched from then on: who changes them leaves in `dynamics.touched` what the next build must do.
    Waits for loads and builds only when there is something to create. One transaction: committed when `connection`
    was idle, otherwise a part of its transaction.
    """
    names = [table.name for table in TABLES]
    with connection.transaction():
        there = "select tablename from pg_tables where schemaname = 'billing' and tablename = any(%s)"
        whole = connection.execute(there, [names]).rowcount == len(names)
        if not whole or connection.execute("select not dynamics.billing_is_watched()").fetchone() == (True,):
            connection.execute("select pg_advisory_xact_lock(%s)", [SOURCE_LOCK])
            connection.execute(_DDL.read_bytes())
            connection.execute("call dynamics.watch_billing()")
