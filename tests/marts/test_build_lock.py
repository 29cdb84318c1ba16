"""Builds and loads exclude each other, behind a pooler too, and a lost lock ends a build."""

import threading
import time

import psycopg
import pytest

from orchestration import database as database_room
from orchestration.builds import build_marts, new_build
from orchestration.errors import Unavailable
from orchestration.source import SOURCE_LOCK, load


def waits_for_the_lock(billed):
    """Whether somebody waits for the lock of builds and loads, within a few seconds."""
    with psycopg.connect(billed.url, autocommit=True) as watcher:
        waiting = (
            "select count(*) from pg_locks where locktype = 'advisory' and objid = %s and not granted"
            " and database = (select oid from pg_database where datname = current_database())"
        )
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            if watcher.execute(waiting, [SOURCE_LOCK]).fetchone() != (0,):
                return True
            time.sleep(0.02)
    return False


def in_thread(work):
    """Start the work in a thread; call the result for what it returned."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()

    def result():
        thread.join(120)
        assert not thread.is_alive()
        return results[0]

    return result


def build_in_thread(billed):
    def work():
        with database_room.connect(billed.url) as connection:
            return build_marts(connection, state=billed.state)

    return in_thread(work)


def test_build_waits_for_a_load(billed):
    """The load is under way: what it has done is not committed."""
    with billed.connection.transaction():
        load(billed.connection, billed.folder / "sample")
        billed.connection.execute(
            "update billing.transactions set amount = amount - 1 where kind = 'usage' and client_id = (select min(client_id) from billing.transactions)"
        )
        finished = build_in_thread(billed)
        assert waits_for_the_lock(billed)
    assert not finished().is_full
    assert billed.differences() == {}


def test_load_waits_for_a_build(billed):
    billed.rerate()

    def work():
        with database_room.connect(billed.url) as connection:
            return load(connection, billed.folder / "sample")

    with new_build(billed.connection, state=billed.state) as build:
        loaded = in_thread(work)
        assert waits_for_the_lock(billed)
        from orchestration.builds import dbt_runner

        dbt_runner.run(billed.connection, build, billed.state, progress=None)
    loaded()
    billed.build()
    assert billed.differences() == {}


def test_two_builds_at_once_come_one_after_the_other(billed):
    billed.rerate()
    both = [build_in_thread(billed), build_in_thread(billed)]
    first, second = sorted(
        (finished() for finished in both), key=lambda build: build.skipped_models == frozenset()
    )
    assert first.build_id == second.build_id == billed.current_build(), "the second had nothing to do"
    assert billed.differences() == {}


def holder_of_the_lock(connection):
    return connection.execute(
        "select pid, state from pg_locks join pg_stat_activity using (pid)"
        " where locktype = 'advisory' and objid = %s and granted and datname = current_database()",
        [SOURCE_LOCK],
    ).fetchone()


def test_lock_is_held_by_a_transaction(billed):
    """A pooler in transaction mode moves a session to another connection between transactions."""
    billed.rerate()
    with pytest.raises(ZeroDivisionError), new_build(billed.connection, state=billed.state):
        _, state = holder_of_the_lock(billed.connection)
        raise ZeroDivisionError
    assert state == "idle in transaction"
    assert holder_of_the_lock(billed.connection) is None
    billed.connection.rollback()


def test_lock_outlasts_the_timeouts_of_the_server(billed):
    billed.rerate()
    [(name,)] = billed.connection.execute("select current_database()").fetchall()
    billed.change(f"alter database {name} set idle_in_transaction_session_timeout = '200ms'")
    billed.change(f"alter database {name} set transaction_timeout = '300ms'")
    try:
        with (
            database_room.connect(billed.url) as connection,
            pytest.raises(ZeroDivisionError),
            new_build(connection, state=billed.state),
        ):
            time.sleep(0.8)
            with psycopg.connect(billed.url) as watcher:
                assert holder_of_the_lock(watcher)
            raise ZeroDivisionError
    finally:
        billed.change(f"alter database {name} reset all")


def test_build_that_lost_its_lock_is_not_finished(billed):
    billed.rerate()
    current = billed.current_build()
    with (
        pytest.raises(Unavailable, match="ended the build's lock"),
        new_build(billed.connection, state=billed.state) as build,
    ):
        from orchestration.builds import dbt_runner

        dbt_runner.run(billed.connection, build, billed.state, progress=None)
        pid, _ = holder_of_the_lock(billed.connection)
        billed.change("select pg_terminate_backend(%s)", [pid])
    assert billed.current_build() == current
    assert billed.build().build_id == build.build_id, "the next build finishes it"
    assert billed.differences() == {}
