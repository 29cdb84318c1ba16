"""The schema `billing`, for a database that does not have it yet."""

from pathlib import Path
from typing import Any

import psycopg

from orchestration.source.contract import TABLES

SOURCE_LOCK = 0x62696C6C
"""The advisory lock of loads and builds, which exclude each other."""

DDL = Path(__file__).with_name("billing.sql")


def ensure_schema(connection: psycopg.Connection[Any]) -> None:
    """Create `billing` and its missing tables (definition: Source tables). Existing tables stay.

    Also enable change data capture: triggers record all later changes in `dynamics.change_log`.
    Wait for loads and builds only if something is missing. This is one transaction. It is committed
    if `connection` was idle, otherwise it is a part of the caller's transaction.
    """
    names = [table.name for table in TABLES]
    with connection.transaction():
        existing = "select tablename from pg_tables where schemaname = 'billing' and tablename = any(%s)"
        has_all = connection.execute(existing, [names]).rowcount == len(names)
        is_captured = connection.execute("select dynamics.is_change_capture_enabled()").fetchone() == (True,)
        if not has_all or not is_captured:
            connection.execute("select pg_advisory_xact_lock(%s)", [SOURCE_LOCK])
            connection.execute(DDL.read_bytes())
            connection.execute("call dynamics.enable_change_capture()")
