"""When a build is full, when it is incremental, and when there is nothing to do."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from orchestration.builds import build as build_module
from orchestration.builds import build_marts, change_log, dbt_runner, new_build
from orchestration.errors import DynamicsError
from orchestration.source import load


def start_build(built):
    """Start a build as `dynamics build` does, and abort it before dbt runs."""
    with pytest.raises(ZeroDivisionError), new_build(built.connection, state=built.state) as build:
        raise ZeroDivisionError
    return build


def build_steps(built, **options):
    """Build, and return the build and the names of its finished steps."""
    steps = []
    build = built.build(progress=lambda step, *_: steps.append(step), **options)
    return build, steps


def test_unchanged_billing_only_moves_as_of(built):
    current = built.current_build_id()
    unused = built.state / "unused"
    assert build_marts(built.connection, state=unused).build_id == current

    later = datetime(2027, 1, 1, tzinfo=UTC)
    load(built.connection, built.sample, as_of=later)
    moved = build_marts(built.connection, state=unused)
    assert (moved.as_of, moved.is_full) == (later, False)
    assert built.current_build_id() == moved.build_id > current
    assert not unused.exists(), "dbt did not run"


def test_changed_clients_are_rebuilt_in_place(built):
    built.rerate()
    build, steps = build_steps(built)
    assert not build.is_full
    assert sorted(steps) == [
        "fct_client_events",
        "int_changed_clients",
        "int_changed_events",
        "mart_cohort_changes",
        "mart_flows_daily",
        "report_store",
        "the_marts_add_up",
    ]
    assert built.differences() == {}


@pytest.mark.parametrize(
    ("change", "model"),
    [
        ("insert into billing.packages values ('new', 'New')", "dim_packages"),
        ("update billing.exchange_rates set rate = rate * 2 where currency = 'EUR'", "dim_exchange_rates"),
        (
            "update billing.clients set name = 'Other' where client_id = (select min(client_id) from billing.clients)",
            "fct_clients",
        ),
        (
            "delete from billing.client_tags where client_id = (select min(client_id) from billing.client_tags)",
            "fct_clients",
        ),
    ],
)
def test_small_tables_are_copied_when_they_changed(built, change, model):
    built.change(change)
    build, steps = build_steps(built)
    assert not build.is_full
    assert {"dim_packages", "dim_exchange_rates", "fct_clients"} & {*steps} == {model}
    assert built.differences() == {}


def test_renamed_clients_keep_their_events(built):
    built.change("update billing.clients set name = name || '!'")
    assert not built.build().is_full
    query = "select count(*), bool_and(rebuild_from = 'infinity') from marts.int_changed_clients"
    assert built.connection.execute(query).fetchone() == (60, True)
    assert built.connection.execute("select count(*) from marts.int_changed_events").fetchone() == (0,)
    assert built.differences() == {}


def test_mostly_changed_history_is_built_in_full(built):
    built.rerate(clients=50)
    assert built.build().is_full
    built.rerate()
    assert not built.build().is_full
    assert built.differences() == {}


def test_sum_of_all_lifetimes_can_exceed_an_interval(database):
    """A thousand lifetimes of 6,700 years have more days than an interval can hold."""
    database.execute(
        "insert into billing.clients select i::text, '', 'client', null, 'USD', '4713-01-01 BC', now()"
        " from generate_series(1, 1000) as i"
    )
    database.execute("delete from dynamics.change_log")
    database.execute(
        "insert into dynamics.change_log (client_id) select i::text from generate_series(1, 300) as i"
    )
    assert not change_log.is_mostly_changed(database, datetime(2026, 1, 1, tzinfo=UTC))
    database.execute(
        "insert into dynamics.change_log (client_id) select i::text from generate_series(301, 400) as i"
    )
    assert change_log.is_mostly_changed(database, datetime(2026, 1, 1, tzinfo=UTC))


def test_truncated_source_is_built_in_full(built):
    built.change("truncate billing.client_tags")
    assert start_build(built).is_full
    assert built.build().is_full


def test_lost_marts_are_built_in_full(built):
    built.change("drop schema marts cascade")
    assert built.build().is_full
    assert built.differences() == {}


def test_other_models_are_built_in_full(built, monkeypatch):
    assert not start_build(built).is_full
    monkeypatch.setattr(dbt_runner, "hash_project", lambda: "another project")
    assert start_build(built).is_full
    monkeypatch.undo()
    assert built.build(full_refresh=True).is_full


def test_another_base_currency_is_built_in_full(built, monkeypatch):
    monkeypatch.setattr(build_module, "settings", lambda: SimpleNamespace(base_currency="EUR"))
    assert start_build(built).is_full
    monkeypatch.undo()
    built.build(full_refresh=True)


def test_source_without_its_triggers_is_built_in_full(built):
    built.change("alter table billing.transactions disable trigger capture_update")
    assert start_build(built).is_full
    built.change("alter table billing.transactions enable trigger capture_update")
    built.build(full_refresh=True)


def test_one_dbt_thread_is_enough(built, monkeypatch):
    monkeypatch.setenv("DYNAMICS_DBT_THREADS", "1")
    assert built.build(full_refresh=True).is_full
    built.rerate()
    assert not built.build().is_full
    assert built.differences() == {}


def test_marts_that_do_not_add_up_stop_the_build(built):
    """The next build says how to rebuild the marts."""
    current = built.current_build_id()
    built.change("update marts.mart_flows_daily set amount = amount + 1 where kind = 'refill'")
    built.rerate()
    with pytest.raises(DynamicsError, match=r"the_marts_add_up.*; reports still use the last finished build"):
        built.build()
    assert built.current_build_id() == current
    with pytest.raises(
        DynamicsError, match=r"the_marts_add_up.*rebuild the marts with `dynamics build --full-refresh`"
    ):
        built.build()
    assert built.build(full_refresh=True).is_full
    assert built.differences() == {}
