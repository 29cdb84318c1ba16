"""Dagster runs dbt in a process of its own, for full and incremental builds alike."""

import pytest
from dagster import materialize

from orchestration.builds import dbt_runner, ledger
from orchestration.builds.build import compute_fingerprint
from orchestration.scheduling.marts_assets import build_dbt_resource, build_marts_assets
from orchestration.settings import settings


@pytest.fixture
def materialize_marts(built, tmp_path, monkeypatch):
    """Return a function that materializes the marts of the database, with its own home."""
    monkeypatch.setenv("DYNAMICS_DATABASE_URL", built.url)
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    settings.cache_clear()
    yield lambda: materialize([build_marts_assets()], resources={"dbt": build_dbt_resource()})
    settings.cache_clear()


def test_dagster_finishes_an_interrupted_build(built, materialize_marts):
    built.rerate()
    build = ledger.start(built.connection, compute_fingerprint(), is_full=False)
    dbt_runner.run(built.connection, build, built.state, progress=None)
    built.rerate(clients=3)
    assert materialize_marts().success
    builds = built.connection.execute(
        "select build_id - %s, is_full, finished_at is not null from dynamics.builds"
        " where build_id >= %s order by build_id",
        [build.build_id, build.build_id],
    ).fetchall()
    assert builds == [(0, False, True), (1, False, True)]
    assert built.differences() == {}
