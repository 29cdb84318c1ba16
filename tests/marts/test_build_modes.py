"""When a build is full, when it is incremental, and when there is nothing to do."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from orchestration.builds import build as build_module
from orchestration.builds import change_log, dbt_runner, new_build
from orchestration.errors import DynamicsError
from orchestration.source import load


def started(billed):
    """Start a build as `dynamics build` would, and give it up before dbt runs."""
    with pytest.raises(ZeroDivisionError), new_build(billed.connection, state=billed.state) as build:
        raise ZeroDivisionError
    return build


def test_unchanged_billing_only_moves_as_of(billed):
    current = billed.current_build()
    nowhere = billed.folder / "no dbt"
    assert build_module.build_marts(billed.connection, state=nowhere).build_id == current

    later = datetime(2027, 1, 1, tzinfo=UTC)
    load(billed.connection, billed.folder / "sample", as_of=later)
    renewed = build_module.build_marts(billed.connection, state=nowhere)
    assert (renewed.as_of, renewed.is_full) == (later, False)
    assert billed.current_build() == renewed.build_id > current
    assert not nowhere.exists(), "dbt did not run"


def test_changed_clients_are_rebuilt_in_place(billed):
    billed.rerate()
    told = []
    build = billed.build(progress=told.append)
    assert not build.is_full
    assert sorted(told) == [
        "fct_client_events",
        "int_changed_clients",
        "int_changed_events",
        "mart_cohort_changes",
        "mart_flows_daily",
        "report_store",
        "the_marts_add_up",
    ]
    assert billed.differences() == {}


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
def test_small_tables_are_copied_when_they_changed(billed, change, model):
    billed.change(change)
    told = []
    assert not billed.build(progress=told.append).is_full
    assert {"dim_packages", "dim_exchange_rates", "fct_clients"} & {*told} == {model}
    assert billed.differences() == {}


def test_client_with_another_name_keeps_its_events(billed):
    billed.change("update billing.clients set name = name || '!'")
    assert not billed.build().is_full
    scope = "select count(*), bool_and(since = 'infinity') from marts.int_changed_clients"
    assert billed.connection.execute(scope).fetchone() == (60, True)
    assert billed.connection.execute("select count(*) from marts.int_changed_events").fetchone() == (0,)
    assert billed.differences() == {}


def test_mostly_changed_history_is_built_in_full(billed):
    billed.rerate(clients=50)
    assert billed.build().is_full
    billed.rerate()
    assert not billed.build().is_full
    assert billed.differences() == {}


def test_sum_of_all_lifetimes_may_exceed_an_interval(database):
    """A thousand lifetimes of 6,700 years have more days than an interval holds."""
    database.execute(
        "insert into billing.clients select i::text, '', 'client', null, 'USD', '4713-01-01 BC', now()"
        " from generate_series(1, 1000) as i"
    )
    database.execute("delete from dynamics.touched")
    database.execute(
        "insert into dynamics.touched (client_id) select i::text from generate_series(1, 300) as i"
    )
    assert not change_log.is_mostly_changed(database, datetime(2026, 1, 1, tzinfo=UTC))
    database.execute(
        "insert into dynamics.touched (client_id) select i::text from generate_series(301, 400) as i"
    )
    assert change_log.is_mostly_changed(database, datetime(2026, 1, 1, tzinfo=UTC))


def test_truncated_source_is_built_in_full(billed):
    billed.change("truncate billing.client_tags")
    assert started(billed).is_full
    assert billed.build().is_full


def test_lost_marts_are_built_in_full(billed):
    billed.change("drop schema marts cascade")
    assert billed.build().is_full
    assert billed.differences() == {}


def test_other_models_are_built_in_full(billed, monkeypatch):
    assert not started(billed).is_full
    monkeypatch.setattr(dbt_runner, "project_hash", lambda: "another project")
    assert started(billed).is_full
    monkeypatch.undo()
    assert billed.build(full_refresh=True).is_full


def test_other_base_currency_is_built_in_full(billed, monkeypatch):
    monkeypatch.setattr(build_module, "settings", lambda: SimpleNamespace(base_currency="EUR"))
    assert started(billed).is_full
    monkeypatch.undo()
    billed.build(full_refresh=True)


def test_source_without_its_triggers_is_built_in_full(billed):
    billed.change("alter table billing.transactions disable trigger touched_by_update")
    assert started(billed).is_full
    billed.change("alter table billing.transactions enable trigger touched_by_update")
    billed.build(full_refresh=True)


def test_one_dbt_thread_is_enough(billed, monkeypatch):
    monkeypatch.setenv("DYNAMICS_DBT_THREADS", "1")
    assert billed.build(full_refresh=True).is_full
    billed.rerate()
    assert not billed.build().is_full
    assert billed.differences() == {}


def test_marts_that_do_not_add_up_are_told_and_rebuilt_on_demand(billed):
    current = billed.current_build()
    billed.change("update marts.mart_flows_daily set amount = amount + 1 where kind = 'refill'")
    billed.rerate()
    with pytest.raises(DynamicsError, match="the last one stays in use: the_marts_add_up"):
        billed.build()
    assert billed.current_build() == current
    with pytest.raises(
        DynamicsError, match=r"the_marts_add_up.*`dynamics build --full-refresh` rebuilds the marts"
    ):
        billed.build()
    assert billed.build(full_refresh=True).is_full
    assert billed.differences() == {}
