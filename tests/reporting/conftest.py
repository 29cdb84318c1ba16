"""Marts and a report store that any small extract can be put into, built once for all that asks them."""

import databases
import pytest
from marts_replay import MartsReplay

from orchestration.builds.store import publish
from orchestration.database import connect


@pytest.fixture(scope="session")
def replay(server_url, migrated_template, tmp_path_factory):
    """Marts of a database of their own. Each fill is committed and published."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        yield MartsReplay(connection, tmp_path_factory.mktemp("dbt"), after_fill=published)


def published(replay: MartsReplay) -> None:
    replay.connection.execute("delete from dynamics.touched")
    replay.connection.commit()
    publish(replay.connection, replay.build.build_id, is_full=True)
    replay.connection.commit()
