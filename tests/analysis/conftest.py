"""A database with the golden extract and its marts, and one snapshot of its report."""

from datetime import UTC, datetime
from pathlib import Path

import databases
import pytest

from orchestration.builds import build_marts
from orchestration.connections import open_archive
from orchestration.db.database import connect
from orchestration.reporting.parameters import read_query
from orchestration.settings import settings
from orchestration.snapshots import SnapshotDetails, create_snapshot
from orchestration.source import load

GOLDEN = Path(__file__).parents[1] / "golden"
QUERY = {"interval": {"from": "2018-01-01", "to": "2018-12-31"}, "group_by": "month"}


@pytest.fixture(scope="module")
def golden_marts(home, server_url, migrated_template, tmp_path_factory):
    """Settings that name a database with the marts of the golden extract."""
    folder = tmp_path_factory.mktemp("analysis")
    with pytest.MonkeyPatch.context() as patch, databases.fresh(server_url, migrated_template) as url:
        patch.setenv("DYNAMICS_DATABASE_URL", url)
        settings.cache_clear()
        with connect(url) as connection:
            load(connection, GOLDEN / "source", as_of=datetime(2019, 1, 2, 12, tzinfo=UTC))
            build_marts(connection, state=folder)
        yield
    settings.cache_clear()


@pytest.fixture(scope="module")
def make_snapshot(golden_marts):
    """A function that archives the golden report, with other parameters if they are given."""

    def make(title="Golden", saved_query="monthly", **parameters):
        with open_archive() as (archive, connection):
            return create_snapshot(
                connection,
                archive,
                read_query(QUERY | parameters),
                SnapshotDetails(title=title, generated_by="user test", saved_query=saved_query),
                base_currency="USD",
                moment=datetime.now(UTC),
            )

    return make


@pytest.fixture(scope="module")
def golden_snapshot(make_snapshot):
    """The snapshot of the golden report by month."""
    return make_snapshot()


@pytest.fixture(scope="module")
def package_snapshot(make_snapshot, golden_snapshot):
    """A later snapshot of the same year by package and month."""
    return make_snapshot("Packages", group_by=["month", "package_name"])
