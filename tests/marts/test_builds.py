"""A build becomes current when it is finished, and the marts add up to `billing`."""

from pathlib import Path

import psycopg
import pytest

from orchestration.builds import DBT_PROJECT, PendingBuild, build_marts, dbt_runner, new_build
from orchestration.errors import DynamicsError
from orchestration.source import load, write_sample

GOLDEN = Path(__file__).parent.parent / "golden" / "source"


@pytest.fixture
def loaded(database):
    load(database, GOLDEN)
    return database


def current_build_id(connection):
    [(build_id,)] = connection.execute("select build_id from dynamics.current_build").fetchall()
    return build_id


def test_build_without_a_load_says_what_to_run(database, tmp_path):
    with pytest.raises(DynamicsError, match="empty: run `dynamics load DIR` first"):
        build_marts(database, state=tmp_path)


def test_failed_build_leaves_the_last_one_current(loaded, tmp_path):
    first = build_marts(loaded, state=tmp_path)
    with pytest.raises(ZeroDivisionError), new_build(loaded, full_refresh=True) as second:
        raise ZeroDivisionError
    assert second.build_id > first.build_id
    assert current_build_id(loaded) == first.build_id


def test_message_names_the_failed_model_on_one_line(loaded, tmp_path):
    first = build_marts(loaded, state=tmp_path)
    loaded.execute("alter table billing.clients rename column currency to coin")
    loaded.commit()
    with pytest.raises(DynamicsError, match=r"the build failed: stg_billing__clients: ") as raised:
        build_marts(loaded, state=tmp_path, full_refresh=True)
    assert "reports still use the last finished build" in str(raised.value)
    assert "\n" not in str(raised.value)
    assert current_build_id(loaded) == first.build_id


def test_build_after_a_failed_full_build_is_full(loaded, tmp_path):
    build_marts(loaded, state=tmp_path)
    with pytest.raises(ZeroDivisionError), new_build(loaded, full_refresh=True):
        raise ZeroDivisionError
    assert build_marts(loaded, state=tmp_path).is_full


def test_full_build_drops_the_schemas_of_old_versions(loaded, tmp_path):
    loaded.execute("create schema marts_a; create table marts_a.fct_clients (); create schema marts_b")
    loaded.execute("create schema marts; create table marts.old_mart (); create view marts.v as select 1")
    loaded.commit()
    with pytest.raises(ZeroDivisionError), new_build(loaded):
        raise ZeroDivisionError
    schemas = "select nspname from pg_namespace where nspname like 'marts%' order by nspname"
    assert loaded.execute(schemas).fetchall() == [("marts",), ("marts_a",), ("marts_b",)]
    build_marts(loaded, state=tmp_path)
    assert loaded.execute(schemas).fetchall() == [("marts",)]
    relations = (
        "select to_regclass('marts.old_mart'), to_regclass('marts.v'), to_regclass('marts.fct_clients')"
    )
    assert loaded.execute(relations).fetchone() == (None, None, "marts.fct_clients")


@pytest.fixture
def sampled(database, tmp_path):
    """A loaded and built sample, with the schema of the marts in the search path."""
    write_sample(tmp_path / "sample", clients=60, months=8, seed=11)
    load(database, tmp_path / "sample")
    build = build_marts(database, state=tmp_path)
    database.execute("select set_config('search_path', %s, false)", [build.schema])
    return database


VALID = "from billing.transactions where voided_at is null"

EQUALITIES = {
    "the daily flows have the amount of each transaction once": (
        "select (select row(sum(amount), sum(quantity)) from mart_flows_daily)"
        f" = (select row(sum(amount), count(*)::numeric) {VALID})"
    ),
    "the last states have the balances of the clients": (
        "select (select sum(balance) from fct_client_events where valid_to is null)"
        f" = (select sum(amount) {VALID})"
    ),
    "each client has one last state": (
        "select (select count(*) from fct_client_events where valid_to is null)"
        " = (select count(*) from billing.clients)"
    ),
    "the cohort of all clients has all balances": (
        "select (select sum(positive_balance + negative_balance) from mart_cohort_changes where cohort = 'all')"
        f" = (select sum(amount) {VALID})"
    ),
    "the cohort of all clients has all clients": (
        "select (select row(sum(clients), sum(created_clients)) from mart_cohort_changes where cohort = 'all')"
        " = (select row(count(*)::numeric, count(*)::numeric) from billing.clients)"
    ),
}


def test_marts_add_up_to_billing_and_unit_tests_pass(sampled, tmp_path):
    for description, query in EQUALITIES.items():
        assert sampled.execute(query).fetchone() == (True,), description
    run_dbt_unit_tests(sampled, tmp_path)


def run_dbt_unit_tests(connection: psycopg.Connection, state: Path) -> None:
    """Run dbt's unit tests on a built schema."""
    from dbt.cli.main import dbtRunner

    build = PendingBuild(0, "marts", None, is_full=True)
    with dbt_runner.set_profile_environment(connection, build):
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
