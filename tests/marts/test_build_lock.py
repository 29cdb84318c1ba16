"""Builds and loads exclude each other, also behind a pooler, and a lost lock ends a build."""

import threading

import psycopg
import pytest
from locks import wait_for_advisory_lock_waiter
from waiting import wait_until

from orchestration.builds import build_marts, dbt_runner, new_build
from orchestration.db.database import connect
from orchestration.errors import Unavailable
from orchestration.source import SOURCE_LOCK, load


def run_in_thread(work):
    """Start the work in a thread. Return a function that waits for its result."""
    results = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()

    def wait_for_result():
        thread.join(120)
        assert not thread.is_alive()
        return results[0]

    return wait_for_result


def build_in_thread(built):
    def work():
        with connect(built.url) as connection:
            return build_marts(connection, state=built.state)

    return run_in_thread(work)


def test_build_waits_for_a_load(built):
    """The load has not committed its changes yet."""
    with built.connection.transaction():
        load(built.connection, built.sample)
        built.connection.execute(
            "update billing.transactions set amount = amount - 1"
            " where kind = 'usage' and client_id = (select min(client_id) from billing.transactions)"
        )
        wait_for_build = build_in_thread(built)
        wait_for_advisory_lock_waiter(built.url, SOURCE_LOCK)
    assert not wait_for_build().is_full
    assert built.differences() == {}


def test_load_waits_for_a_build(built):
    built.rerate()

    def work():
        with connect(built.url) as connection:
            return load(connection, built.sample)

    with new_build(built.connection, state=built.state) as build:
        wait_for_load = run_in_thread(work)
        wait_for_advisory_lock_waiter(built.url, SOURCE_LOCK)
        dbt_runner.run(built.connection, build, built.state, progress=None)
    wait_for_load()
    built.build()
    assert built.differences() == {}


def test_two_builds_at_once_run_one_after_the_other(built):
    built.rerate()
    waits = [build_in_thread(built), build_in_thread(built)]
    first, second = (wait_for_build() for wait_for_build in waits)
    assert first.build_id == second.build_id == built.current_build_id(), "the second has nothing to do"
    assert built.differences() == {}


def find_lock_holder(connection):
    """Return process id and state of the session that holds the source lock, or None."""
    return connection.execute(
        "select pid, state from pg_locks join pg_stat_activity using (pid)"
        " where locktype = 'advisory' and objid = %s and granted and datname = current_database()",
        [SOURCE_LOCK],
    ).fetchone()


def test_transaction_holds_the_lock(built):
    """A pooler in transaction mode moves a session to another connection between transactions."""
    built.rerate()
    with pytest.raises(ZeroDivisionError), new_build(built.connection, state=built.state):
        _, state = find_lock_holder(built.connection)
        raise ZeroDivisionError
    assert state == "idle in transaction"
    assert find_lock_holder(built.connection) is None
    built.connection.rollback()


def test_lock_outlasts_the_timeouts_of_the_server(built):
    """The server ends a later transaction first, so it would have ended that of the lock too."""
    built.rerate()
    [(name,)] = built.connection.execute("select current_database()").fetchall()
    built.change(f"alter database {name} set idle_in_transaction_session_timeout = '200ms'")
    built.change(f"alter database {name} set transaction_timeout = '300ms'")
    try:
        with (
            connect(built.url) as connection,
            pytest.raises(ZeroDivisionError),
            new_build(connection, state=built.state),
        ):
            wait_for_timeout(built.url)
            with psycopg.connect(built.url) as watcher:
                assert find_lock_holder(watcher)
            raise ZeroDivisionError
    finally:
        built.change(f"alter database {name} reset all")


def wait_for_timeout(url):
    """Wait until the server ends a transaction that begins now."""
    other = psycopg.connect(url)
    other.execute("set idle_in_transaction_session_timeout = 0")
    pid = other.info.backend_pid
    with psycopg.connect(url, autocommit=True) as watcher:
        sessions = "select count(*) from pg_stat_activity where pid = %s"
        wait_until(lambda: watcher.execute(sessions, [pid]).fetchone() == (0,), "the timeout ends a session")
    other.close()


def test_build_that_lost_its_lock_is_not_finished(built):
    built.rerate()
    current = built.current_build_id()
    with (
        pytest.raises(Unavailable, match="has lost its lock"),
        new_build(built.connection, state=built.state) as build,
    ):
        dbt_runner.run(built.connection, build, built.state, progress=None)
        pid, _ = find_lock_holder(built.connection)
        built.change("select pg_terminate_backend(%s)", [pid])
    assert built.current_build_id() == current
    assert built.build().build_id == build.build_id, "the next build finishes it"
    assert built.differences() == {}
