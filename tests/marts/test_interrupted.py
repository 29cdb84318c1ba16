"""A build that is killed: the next one finishes it or starts again."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import psycopg
import pytest
from marts_replay import MartsReplay

from orchestration import database as database_room
from orchestration import local
from orchestration.builds import build as build_module
from orchestration.builds import build_marts, dbt_runner, ledger
from orchestration.errors import DynamicsError
from orchestration.local.database import server as postgres_server
from orchestration.source import ensure_schema, load

BUILD = """
import sys
from pathlib import Path
from orchestration.builds import build_marts
from orchestration.database import connect

with connect(sys.argv[1]) as connection:
    build_marts(connection, state=Path(sys.argv[2]), full_refresh=sys.argv[3] == "full")
"""

SCOPE = ("int_changed_clients", "int_changed_events")
CHANGED = ("fct_clients", "fct_client_events", "mart_flows_daily", "mart_cohort_changes", "dim_packages")


@contextmanager
def building(billed, how="incremental"):
    """A build in a process of its own, which is killed at the end of the block."""
    process = subprocess.Popen([sys.executable, "-c", BUILD, billed.url, str(billed.state), how])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextmanager
def held(billed, table):
    """Block changes of the table until the block ends. Yield a function that waits for a waiter."""
    with psycopg.connect(billed.url) as holder, psycopg.connect(billed.url, autocommit=True) as watcher:
        holder.execute(f"lock table {table} in share mode")

        def wait_for_waiter():
            waiters = (
                "select count(*) from pg_locks where not granted"
                " and relation = %s::regclass and database = (select oid from pg_database where datname = current_database())"
            )
            deadline = time.monotonic() + 60
            while watcher.execute(waiters, [table]).fetchone() == (0,):
                assert time.monotonic() < deadline, f"nobody wants to change {table}"
                time.sleep(0.02)

        yield wait_for_waiter
        holder.rollback()


def kill_in(billed, table, how="incremental"):
    """Start a build and kill it while it changes the table."""
    with held(billed, table) as wait_for_waiter, building(billed, how):
        wait_for_waiter()


def change_everything(billed):
    """Change something of every kind, so that no model is skipped."""
    billed.rerate()
    billed.change(
        "update billing.clients set name = name || '.', client_type = 'call_shop'"
        " where client_id = (select max(client_id) from billing.clients where client_type = 'client')"
    )
    billed.change("insert into billing.packages values (gen_random_uuid(), 'New')")
    billed.change("update billing.exchange_rates set rate = rate * 1.01 where currency = 'EUR'")


@pytest.mark.parametrize("model", [*SCOPE, *CHANGED, "dim_exchange_rates"])
def test_build_killed_in_a_model_is_made_up_for(billed, model):
    current = billed.current_build()
    change_everything(billed)
    kill_in(billed, f"marts.{model}")
    assert billed.current_build() == current

    told = []
    build = billed.build(progress=told.append)
    assert not build.is_full
    assert billed.current_build() == build.build_id
    assert model in told
    assert billed.differences() == {}
    if model in ("fct_client_events", "mart_flows_daily", "mart_cohort_changes"):
        assert not {*SCOPE} & {*told}, "what is rebuilt was decided before the kill"
        assert build.build_id == current + 1


def test_build_killed_twice_is_made_up_for(billed):
    change_everything(billed)
    for model in ("mart_flows_daily", "mart_cohort_changes"):
        kill_in(billed, f"marts.{model}")
    assert not billed.build().is_full
    assert billed.differences() == {}


def test_build_killed_in_its_test_is_made_up_for(billed):
    """The test of the marts only reads, so only a lock against readers stops it."""
    change_everything(billed)
    current = billed.current_build()
    with psycopg.connect(billed.url) as holder, building(billed):
        deadline = time.monotonic() + 60
        steps = (
            "select count(*) from dynamics.build_steps where step = 'mart_cohort_changes' and build_id > %s"
        )
        while holder.execute(steps, [current]).fetchone() == (0,):
            holder.rollback()
            assert time.monotonic() < deadline
        holder.execute("lock table marts.mart_flows_daily in access exclusive mode")
        time.sleep(0.3)
    billed.build()
    assert billed.differences() == {}


def test_changes_between_kill_and_resume_are_built_next(billed):
    """The same clients and others change again, one is deleted, one gets another type."""
    change_everything(billed)
    current = billed.current_build()
    kill_in(billed, "marts.mart_flows_daily")
    billed.rerate(clients=12)
    billed.change(
        "update billing.clients set client_type = 'calling_card'"
        " where client_id = (select min(client_id) from billing.clients where client_type = 'call_shop')"
    )
    billed.change(
        "insert into billing.clients values ('brief', 'Brief', 'client', null, 'EUR', '2026-06-01', now())"
    )
    billed.change(
        "delete from billing.transactions where client_id = (select min(client_id) from billing.transactions)"
    )
    told = []
    build = billed.build(progress=told.append)
    assert build.build_id == current + 2, "first the interrupted build, then the newer changes"
    assert told.count("mart_flows_daily") == 2
    assert billed.differences() == {}

    billed.change("update billing.clients set currency = 'USD' where client_id = 'brief'")
    kill_in(billed, "marts.mart_cohort_changes")
    billed.change("delete from billing.clients where client_id = 'brief'")
    billed.build()
    assert billed.differences() == {}


def test_other_models_after_a_kill_are_built_in_full(billed, monkeypatch):
    change_everything(billed)
    kill_in(billed, "marts.mart_flows_daily")
    monkeypatch.setattr(dbt_runner, "project_hash", lambda: "another project")
    assert billed.build().is_full
    monkeypatch.undo()
    assert billed.build().is_full, "these are other models again"
    assert billed.differences() == {}


@pytest.mark.parametrize("model", ["fct_client_events", "mart_cohort_changes"])
def test_killed_full_build_starts_again_in_full(billed, model):
    current = billed.current_build()
    kill_in(billed, f"marts.{model}", "full")
    assert billed.current_build() == current
    assert billed.build().is_full
    assert billed.differences() == {}


@pytest.mark.parametrize("full_refresh", [True, False])
def test_build_killed_before_it_is_published_runs_no_model_again(billed, monkeypatch, full_refresh):
    change_everything(billed)
    current = billed.current_build()

    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(build_module, "publish", fail)
    with pytest.raises(ZeroDivisionError):
        billed.build(full_refresh=full_refresh)
    assert billed.current_build() == current
    monkeypatch.undo()
    billed.rerate(clients=3)
    told = []
    build = billed.build(progress=told.append)
    assert (build.build_id, build.is_full) == (current + 2, False)
    assert told.count("fct_client_events") == 1, "only the newer changes are built"
    assert billed.differences() == {}


def test_step_is_never_applied_twice(billed):
    change_everything(billed)
    kill_in(billed, "marts.mart_cohort_changes")
    origin = build_module._origin()
    build = ledger.interrupted(billed.connection, origin)
    billed.connection.rollback()
    again = ledger.PendingBuild(build.build_id, build.schema, build.as_of, is_full=False)
    with pytest.raises(DynamicsError, match="duplicate key value violates unique constraint"):
        dbt_runner.run(billed.connection, again, billed.state, progress=None)
    assert not billed.build().is_full
    assert billed.differences() == {}


def test_dbt_that_outlives_its_build_changes_nothing(billed):
    change_everything(billed)
    origin = build_module._origin()
    old = ledger.start(billed.connection, origin, is_full=False)
    ledger.start(billed.connection, origin, is_full=False)
    with pytest.raises(DynamicsError, match=f"build {old.build_id} is over: a later build has begun"):
        dbt_runner.run(billed.connection, old, billed.state, progress=None)
    assert not billed.build().is_full
    assert billed.differences() == {}


def test_server_crash_loses_no_build(tmp_path, billed):
    """The server dies after dbt has finished a build and before the build is current."""
    with database_room.connect(local.postgres(tmp_path)) as connection:
        ensure_schema(connection)
        load(connection, billed.folder / "sample")
        replay = MartsReplay(connection, tmp_path / "dbt")
        rerate = "update billing.transactions set amount = amount * 2 where kind = 'usage' and client_id in (select client_id from billing.clients order by client_id limit 5)"
        connection.execute(rerate)
        connection.commit()
        build_marts(connection, state=tmp_path / "dbt")
        connection.execute(rerate)
        connection.commit()
        build = ledger.start(connection, build_module._origin(), is_full=False)
        dbt_runner.run(connection, build, tmp_path / "dbt", progress=None)
    crashing = postgres_server(tmp_path)
    os.kill(crashing.pid(), signal.SIGQUIT)
    while crashing.pid():
        time.sleep(0.02)
    try:
        with database_room.connect(local.postgres(tmp_path)) as connection:
            assert not build_marts(connection, state=tmp_path / "dbt").is_full
            replay.connection = connection
            assert replay.differences_from_full() == {}
    finally:
        local.stop(tmp_path)
