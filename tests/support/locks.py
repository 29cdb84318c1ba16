"""Waits for locks of Postgres. They replace sleeps in tests that run several sessions at once."""

import psycopg
from waiting import wait_until


def wait_for_advisory_lock_waiter(url: str, key: int) -> None:
    """Wait until a session of the database waits for the advisory lock `key`."""
    query = (
        "select exists (select from pg_locks where locktype = 'advisory' and objid = %s and not granted"
        " and database = (select oid from pg_database where datname = current_database()))"
    )
    _wait_for_row(url, query, [key], f"a session waits for the advisory lock {key}")


def wait_for_table_lock_waiter(url: str, table: str) -> None:
    """Wait until a session of the database waits for a lock of the table."""
    query = (
        "select exists (select from pg_locks where not granted and relation = %s::regclass"
        " and database = (select oid from pg_database where datname = current_database()))"
    )
    _wait_for_row(url, query, [table], f"a session waits for the table {table}")


def _wait_for_row(url: str, query: str, parameters: list, description: str) -> None:
    with psycopg.connect(url, autocommit=True) as watcher:
        wait_until(lambda: watcher.execute(query, parameters).fetchone() == (True,), description)
