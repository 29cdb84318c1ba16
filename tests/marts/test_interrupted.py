"""A build that is killed: the next build finishes it or starts again."""

import os
import signal
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import psycopg
import pytest
from locks import wait_for_table_lock_waiter
from marts_replay import MartsReplay
from waiting import wait_until

from orchestration import local
from orchestration.builds import build as build_module
from orchestration.builds import build_marts, dbt_runner, ledger
from orchestration.builds.build import compute_fingerprint
from orchestration.db.database import connect
from orchestration.errors import DynamicsError
from orchestration.local.database import server as postgres_server
from orchestration.source import ensure_schema, load

BUILD = """
import sys
from pathlib import Path
from orchestration.builds import build_marts
from orchestration.db.database import connect

with connect(sys.argv[1]) as connection:
    build_marts(connection, state=Path(sys.argv[2]), full_refresh=sys.argv[3] == "full")
"""

CHANGE_MODELS = ("int_changed_clients", "int_changed_events")
MART_MODELS = (
    "fct_clients",
    "fct_client_events",
    "mart_flows_daily",
    "mart_cohort_changes",
    "dim_packages",
)


@contextmanager
def build_in_process(built, kind="incremental"):
    """Build in a process of its own, and kill it at the end of the block."""
    process = subprocess.Popen([sys.executable, "-c", BUILD, built.url, str(built.state), kind])
    try:
        yield process
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


@contextmanager
def block_changes(built, table):
    """Block changes of the table during the block."""
    with psycopg.connect(built.url) as holder:
        holder.execute(f"lock table {table} in share mode")
        yield
        holder.rollback()


def kill_in(built, table, kind="incremental"):
    """Start a build and kill it while it changes the table."""
    with block_changes(built, table), build_in_process(built, kind):
        wait_for_table_lock_waiter(built.url, table)


def change_everything(built):
    """Change rows of every kind, so that no model is skipped."""
    built.rerate()
    built.change(
        "update billing.clients set name = name || '.', client_type = 'call_shop'"
        " where client_id = (select max(client_id) from billing.clients where client_type = 'client')"
    )
    built.change("insert into billing.packages values (gen_random_uuid(), 'New')")
    built.change("update billing.exchange_rates set rate = rate * 1.01 where currency = 'EUR'")


def build_steps(built):
    """Build, and return the build and the names of its finished steps."""
    steps = []
    return built.build(progress=lambda step, *_: steps.append(step)), steps


@pytest.mark.parametrize("model", [*CHANGE_MODELS, *MART_MODELS, "dim_exchange_rates"])
def test_next_build_finishes_one_killed_in_a_model(built, model):
    current = built.current_build_id()
    change_everything(built)
    kill_in(built, f"marts.{model}")
    assert built.current_build_id() == current

    build, steps = build_steps(built)
    assert not build.is_full
    assert built.current_build_id() == build.build_id
    assert model in steps
    assert built.differences() == {}
    if model in ("fct_client_events", "mart_flows_daily", "mart_cohort_changes"):
        assert not {*CHANGE_MODELS} & {*steps}, "the changed events were complete before the kill"
        assert build.build_id == current + 1


def test_next_build_finishes_one_killed_twice(built):
    change_everything(built)
    for model in ("mart_flows_daily", "mart_cohort_changes"):
        kill_in(built, f"marts.{model}")
    assert not built.build().is_full
    assert built.differences() == {}


def test_next_build_finishes_one_killed_in_its_test(built):
    """The dbt test only reads. It waits for a table that is locked before the last model ends."""
    change_everything(built)
    current = built.current_build_id()
    has_flows = (
        "select exists (select from dynamics.build_steps where step = 'mart_flows_daily' and build_id > %s)"
    )
    with (
        psycopg.connect(built.url) as holder,
        psycopg.connect(built.url, autocommit=True) as watcher,
        ExitStack() as building,
    ):
        with block_changes(built, "marts.mart_cohort_changes"):
            building.enter_context(build_in_process(built))
            wait_for_table_lock_waiter(built.url, "marts.mart_cohort_changes")
            wait_until(
                lambda: watcher.execute(has_flows, [current]).fetchone() == (True,), "the flows are built"
            )
            holder.execute("lock table marts.mart_flows_daily in access exclusive mode")
        wait_for_table_lock_waiter(built.url, "marts.mart_flows_daily")
    built.build()
    assert built.differences() == {}


def test_changes_after_a_kill_belong_to_the_next_build(built):
    """The same and other clients change again, one is deleted, and one gets another type."""
    change_everything(built)
    current = built.current_build_id()
    kill_in(built, "marts.mart_flows_daily")
    built.rerate(clients=12)
    built.change(
        "update billing.clients set client_type = 'calling_card'"
        " where client_id = (select min(client_id) from billing.clients where client_type = 'call_shop')"
    )
    built.change(
        "insert into billing.clients values ('brief', 'Brief', 'client', null, 'EUR', '2026-06-01', now())"
    )
    built.change(
        "delete from billing.transactions where client_id = (select min(client_id) from billing.transactions)"
    )
    build, steps = build_steps(built)
    assert build.build_id == current + 2, "first the interrupted build, then the newer changes"
    assert steps.count("mart_flows_daily") == 2
    assert built.differences() == {}

    built.change("update billing.clients set currency = 'USD' where client_id = 'brief'")
    kill_in(built, "marts.mart_cohort_changes")
    built.change("delete from billing.clients where client_id = 'brief'")
    built.build()
    assert built.differences() == {}


def test_other_models_after_a_kill_are_built_in_full(built, monkeypatch):
    change_everything(built)
    kill_in(built, "marts.mart_flows_daily")
    monkeypatch.setattr(dbt_runner, "hash_project", lambda: "another project")
    assert built.build().is_full
    monkeypatch.undo()
    assert built.build().is_full, "the models are other ones again"
    assert built.differences() == {}


@pytest.mark.parametrize("model", ["fct_client_events", "mart_cohort_changes"])
def test_killed_full_build_starts_again_in_full(built, model):
    current = built.current_build_id()
    kill_in(built, f"marts.{model}", "full")
    assert built.current_build_id() == current
    assert built.build().is_full
    assert built.differences() == {}


@pytest.mark.parametrize("full_refresh", [True, False])
def test_no_model_runs_again_after_a_kill_before_publishing(built, monkeypatch, full_refresh):
    change_everything(built)
    current = built.current_build_id()

    def fail(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(build_module, "publish", fail)
    with pytest.raises(ZeroDivisionError):
        built.build(full_refresh=full_refresh)
    assert built.current_build_id() == current
    monkeypatch.undo()
    built.rerate(clients=3)
    build, steps = build_steps(built)
    assert (build.build_id, build.is_full) == (current + 2, False)
    assert steps.count("fct_client_events") == 1, "only the newer changes are built"
    assert built.differences() == {}


def test_step_is_never_applied_twice(built):
    change_everything(built)
    kill_in(built, "marts.mart_cohort_changes")
    build = ledger.find_interrupted(built.connection, compute_fingerprint())
    built.connection.rollback()
    again = ledger.PendingBuild(build.build_id, build.schema, build.as_of, is_full=False)
    with pytest.raises(DynamicsError, match="duplicate key value violates unique constraint"):
        dbt_runner.run(built.connection, again, built.state, progress=None)
    assert not built.build().is_full
    assert built.differences() == {}


def test_dbt_that_outlives_its_build_changes_nothing(built):
    change_everything(built)
    fingerprint = compute_fingerprint()
    old = ledger.start(built.connection, fingerprint, is_full=False)
    ledger.start(built.connection, fingerprint, is_full=False)
    with pytest.raises(DynamicsError, match=f"build {old.build_id} is over: a later build has begun"):
        dbt_runner.run(built.connection, old, built.state, progress=None)
    assert not built.build().is_full
    assert built.differences() == {}


def test_server_crash_loses_no_build(tmp_path, built):
    """The server crashes after dbt has finished a build and before the build is current."""
    rerate = (
        "update billing.transactions set amount = amount * 2 where kind = 'usage'"
        " and client_id in (select client_id from billing.clients order by client_id limit 5)"
    )
    with connect(local.postgres(tmp_path)) as connection:
        ensure_schema(connection)
        load(connection, built.sample)
        replay = MartsReplay(connection, tmp_path / "dbt")
        connection.execute(rerate)
        connection.commit()
        build_marts(connection, state=tmp_path / "dbt")
        connection.execute(rerate)
        connection.commit()
        build = ledger.start(connection, compute_fingerprint(), is_full=False)
        dbt_runner.run(connection, build, tmp_path / "dbt", progress=None)
    crashing = postgres_server(tmp_path)
    os.kill(crashing.pid(), signal.SIGQUIT)
    wait_until(lambda: not crashing.pid(), "the server has stopped")
    try:
        with connect(local.postgres(tmp_path)) as connection:
            assert not build_marts(connection, state=tmp_path / "dbt").is_full
            replay.connection = connection
            assert replay.differences_from_full() == {}
    finally:
        local.stop(tmp_path)
