"""Fixtures of the reporting tests: marts and a report store that any small extract can fill."""

import databases
import pytest
from marts_replay import MartsReplay

from orchestration.builds.store import publish
from orchestration.db.database import connect


@pytest.fixture(scope="session")
def replay(server_url, migrated_template, tmp_path_factory):
    """Yield marts in their own database. Each fill is published as the current build."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        yield MartsReplay(connection, tmp_path_factory.mktemp("dbt"), after_fill=publish_build)


def publish_build(replay: MartsReplay) -> None:
    replay.connection.execute("delete from dynamics.change_log")
    replay.connection.commit()
    publish(replay.connection, replay.build.build_id, is_full=True)
    replay.connection.commit()
