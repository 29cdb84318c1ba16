"""Dagster runs dbt in a process of its own, for full and incremental builds alike."""

import pytest
from dagster import materialize

from orchestration.builds import build as build_module
from orchestration.builds import dbt_runner, ledger
from orchestration.scheduling.dagster_marts import dbt_resource, marts_assets
from orchestration.settings import settings


@pytest.fixture
def materialized(billed, tmp_path, monkeypatch):
    """A function that materializes the marts of the database, with a home of its own."""
    monkeypatch.setenv("DYNAMICS_DATABASE_URL", billed.url)
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    settings.cache_clear()
    yield lambda: materialize([marts_assets()], resources={"dbt": dbt_resource()})
    settings.cache_clear()


def test_dagster_finishes_an_interrupted_build(billed, materialized):
    billed.rerate()
    build = ledger.start(billed.connection, build_module._origin(), is_full=False)
    dbt_runner.run(billed.connection, build, billed.state, progress=None)
    billed.rerate(clients=3)
    assert materialized().success
    builds = billed.connection.execute(
        "select build_id - %s, is_full, finished_at is not null from dynamics.builds"
        " where build_id >= %s order by build_id",
        [build.build_id, build.build_id],
    ).fetchall()
    assert builds == [(0, False, True), (1, False, True)]
    assert billed.differences() == {}
