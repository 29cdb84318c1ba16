"""A build is read when it is finished, and never before; dbt's own tests pass, and the marts add up a second way."""

import threading
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from orchestration import build as build_module
from orchestration import database as database_room
from orchestration.build import DBT_PROJECT, build_marts, new_build
from orchestration.errors import DynamicsError
from orchestration.reporting.marts import current_marts
from orchestration.reporting.statements import statement
from orchestration.source import load, write_sample

GOLDEN = Path(__file__).parent.parent / "golden" / "source"


def test_nothing_loaded_is_said_before_dbt_starts(database, tmp_path):
    with pytest.raises(DynamicsError, match="empty: run `dynamics load DIR` first"):
        build_marts(database, state=tmp_path)


def test_without_marts_a_report_says_what_to_run(database):
    with pytest.raises(DynamicsError, match="no marts yet: .* `dynamics build`"), current_marts(database):
        pass


@pytest.fixture
def loaded(database):
    load(database, GOLDEN)
    return database


def test_a_build_that_fails_leaves_the_last_one_in_use(loaded, tmp_path, monkeypatch):
    first = build_marts(loaded, state=tmp_path)
    with pytest.raises(ZeroDivisionError), new_build(loaded) as second:
        raise ZeroDivisionError
    assert second.schema != first.schema
    with current_marts(loaded) as current:
        assert current.build_id == first.build_id

    # A model that cannot be built is told in one line, and changes nothing either.
    loaded.execute("alter table billing.clients rename column currency to coin")
    loaded.commit()
    with pytest.raises(DynamicsError, match="the last one stays in use: stg_billing__clients"):
        build_marts(loaded, state=tmp_path, full_refresh=True)
    with current_marts(loaded) as current:
        assert current.build_id == first.build_id


def test_a_build_waits_for_whoever_reads_the_schema_that_it_is_to_write(loaded, database_url, monkeypatch):
    def no_dbt(*_, **__):
        return None

    monkeypatch.setattr(build_module, "_run_dbt", no_dbt)
    first = build_marts(loaded, state=Path())
    with database_room.connect(database_url) as reader:
        with current_marts(reader):
            second = build_marts(loaded, state=Path(), full_refresh=True)
            third = threading.Thread(target=lambda: build_marts(loaded, state=Path(), full_refresh=True))
            third.start()
            third.join(1)
            assert third.is_alive(), "the third build would write into what the reader reads"
            waiting = first.schema
        third.join(30)
        assert not third.is_alive()
        with current_marts(reader) as current:
            assert (current.schema, current.build_id) == (waiting, second.build_id + 1)


def test_marts_of_another_version_are_not_read_but_told_of(loaded, monkeypatch):
    monkeypatch.setattr(build_module, "_run_dbt", lambda *_, **__: None)
    build_marts(loaded, state=Path())
    with (
        pytest.raises(DynamicsError, match="another version .* run `dynamics build`"),
        current_marts(loaded),
    ):
        loaded.execute("select utc_date from fct_client_events")


@pytest.fixture
def sampled(database, tmp_path):
    """A sample extract, loaded and built, with the build's schema in front."""
    write_sample(tmp_path / "sample", clients=60, months=8, seed=11)
    load(database, tmp_path / "sample")
    done = build_marts(database, state=tmp_path)
    database.execute("select set_config('search_path', %s, false)", [done.schema])
    return database


def test_the_marts_add_up_to_the_billing_tables_and_dbts_unit_tests_pass(sampled, tmp_path):
    for text in (
        # every amount that counts is in the daily flows once
        """select (select sum(amount) from mart_flows_daily) = (select sum(amount) from billing.transactions where voided_at is null)""",
        """select (select sum(quantity) from mart_flows_daily) = (select count(*) from billing.transactions where voided_at is null)""",
        # the states that last are the clients' balances
        """select (select sum(balance) from fct_client_events where valid_to is null)
                = (select sum(amount) from billing.transactions where voided_at is null)""",
        """select (select count(*) from fct_client_events where valid_to is null) = (select count(*) from billing.clients)""",
        """select (select sum(positive_balance + negative_balance) from (select distinct on (client_type, currency) * from mart_balances_daily where cohort = 'Clients - All' order by client_type, currency, utc_date desc) last)
                = (select sum(amount) from billing.transactions where voided_at is null)""",
        """select (select sum(clients) from (select distinct on (client_type, currency) * from mart_balances_daily where cohort = 'Clients - All' order by client_type, currency, utc_date desc) last) = (select count(*) from billing.clients)""",
    ):
        assert sampled.execute(text).fetchone() == (True,), text
    run_dbt_unit_tests(sampled, tmp_path)


def test_the_facts_are_indexed_by_the_expression_that_reports_look_events_up_by(sampled):
    sampled.execute("set enable_seqscan = off")
    asked = f"explain select * from fct_client_events where {statement('event_hour')} > %s"
    plan = " ".join(line for (line,) in sampled.execute(asked, [datetime(2026, 1, 1, tzinfo=UTC)]))
    assert "Index Cond: (date_bin(" in plan


def run_dbt_unit_tests(connection: psycopg.Connection, state: Path) -> None:
    """dbt's unit tests run on a built schema, so they come with the test that has one."""
    from dbt.cli.main import dbtRunner

    with build_module._profile(connection, "marts_a"):
        outcome = dbtRunner().invoke(
            [
                *("--quiet", "--log-path", str(state / "logs"), "test", "--select", "test_type:unit"),
                *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
                *("--target-path", str(state / "target")),
            ]
        )
    results = {result.node.name: str(result.status) for result in outcome.result.results}
    assert len(results) >= 10
    assert set(results.values()) == {"pass"}, results
