"""A build is current when it is finished, not before; the marts add up to `billing`."""

from pathlib import Path

import psycopg
import pytest

from orchestration.builds import DBT_PROJECT, build_marts, dbt_runner, new_build
from orchestration.errors import DynamicsError
from orchestration.source import load, write_sample

GOLDEN = Path(__file__).parent.parent / "golden" / "source"


@pytest.fixture
def loaded(database):
    load(database, GOLDEN)
    return database


def current_build(connection):
    """The number of the build that reports read."""
    [(build_id,)] = connection.execute(
        "select max(build_id) from dynamics.builds where finished_at is not null"
    ).fetchall()
    return build_id


def test_build_without_a_load_says_what_to_run(database, tmp_path):
    with pytest.raises(DynamicsError, match="empty: run `dynamics load DIR` first"):
        build_marts(database, state=tmp_path)


def test_failed_build_leaves_the_last_one_current(loaded, tmp_path):
    first = build_marts(loaded, state=tmp_path)
    with pytest.raises(ZeroDivisionError), new_build(loaded, full_refresh=True) as second:
        raise ZeroDivisionError
    assert second.build_id > first.build_id
    assert current_build(loaded) == first.build_id


def test_failed_model_is_named_in_one_line(loaded, tmp_path):
    first = build_marts(loaded, state=tmp_path)
    loaded.execute("alter table billing.clients rename column currency to coin")
    loaded.commit()
    with pytest.raises(DynamicsError, match=r"the last one stays in use: stg_billing__clients") as raised:
        build_marts(loaded, state=tmp_path, full_refresh=True)
    assert "\n" not in str(raised.value)
    assert current_build(loaded) == first.build_id


def test_build_after_a_failed_full_one_is_full(loaded, tmp_path):
    build_marts(loaded, state=tmp_path)
    with pytest.raises(ZeroDivisionError), new_build(loaded, full_refresh=True):
        raise ZeroDivisionError
    assert build_marts(loaded, state=tmp_path).is_full


def test_full_build_drops_the_schemas_of_earlier_versions(loaded, tmp_path):
    loaded.execute("create schema marts_a; create table marts_a.fct_clients (); create schema marts_b")
    loaded.execute(
        "create schema marts; create table marts.mart_of_before (); create view marts.v as select 1"
    )
    loaded.commit()
    with pytest.raises(ZeroDivisionError), new_build(loaded):
        raise ZeroDivisionError
    schemas = "select nspname from pg_namespace where nspname like 'marts%' order by nspname"
    assert loaded.execute(schemas).fetchall() == [("marts",), ("marts_a",), ("marts_b",)]
    build_marts(loaded, state=tmp_path)
    assert loaded.execute(schemas).fetchall() == [("marts",)]
    left = (
        "select to_regclass('marts.mart_of_before'), to_regclass('marts.v'), to_regclass('marts.fct_clients')"
    )
    assert loaded.execute(left).fetchone() == (None, None, "marts.fct_clients")


@pytest.fixture
def sampled(database, tmp_path):
    """A sample extract, loaded and built, with the marts in front."""
    write_sample(tmp_path / "sample", clients=60, months=8, seed=11)
    load(database, tmp_path / "sample")
    done = build_marts(database, state=tmp_path)
    database.execute("select set_config('search_path', %s, false)", [done.schema])
    return database


def test_marts_add_up_to_billing_and_unit_tests_pass(sampled, tmp_path):
    for text in (
        # every amount that counts is in the daily flows once
        "select (select row(sum(amount), sum(quantity)) from mart_flows_daily) = (select row(sum(amount), count(*)::numeric) from billing.transactions where voided_at is null)",
        # the last states are the clients' balances
        (
            "select (select sum(balance) from fct_client_events where valid_to is null)"
            " = (select sum(amount) from billing.transactions where voided_at is null)"
        ),
        "select (select count(*) from fct_client_events where valid_to is null) = (select count(*) from billing.clients)",
        # the cohort of all clients ends with all balances and all clients
        (
            "select (select sum(positive_balance + negative_balance) from mart_cohort_changes where cohort = 'all')"
            " = (select sum(amount) from billing.transactions where voided_at is null)"
        ),
        (
            "select (select row(sum(clients), sum(created_clients)) from mart_cohort_changes where cohort = 'all')"
            " = (select row(count(*)::numeric, count(*)::numeric) from billing.clients)"
        ),
    ):
        assert sampled.execute(text).fetchone() == (True,), text
    run_dbt_unit_tests(sampled, tmp_path)


def run_dbt_unit_tests(connection: psycopg.Connection, state: Path) -> None:
    """Run dbt's unit tests on a built schema."""
    from dbt.cli.main import dbtRunner

    with dbt_runner.profile_environment(connection, dbt_runner.PendingBuild(0, "marts", None, is_full=True)):
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
