"""An incremental publish gives the rows of a full publish."""

import os

import databases
import pytest
from builders import client, make_extract, transaction, utc
from extract import Package
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marts_replay import IncrementalReplay, empty_billing, upsert
from stores import read_store
from strategies import extracts

from orchestration.builds.store import publish
from orchestration.db.database import connect

EXAMPLES = int(os.environ.get("INCREMENTAL_EXAMPLES", "30"))


class PartedReplay(IncrementalReplay):
    """Marts, and the number of parts of their store."""

    def __init__(self, connection, state, parts: int) -> None:
        super().__init__(connection, state)
        self.parts = parts


@pytest.fixture(scope="module", params=[1, 3], ids=["one part", "three parts"])
def replay(request, server_url, migrated_template, tmp_path_factory):
    """Yield marts whose store has one part, or three."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        yield PartedReplay(connection, tmp_path_factory.mktemp("dbt"), request.param)


def publish_full(replay):
    publish(replay.connection, replay.build.build_id, is_full=True, parts=replay.parts)
    replay.connection.commit()


def start_with(replay, extract):
    """Build and publish the extract in full."""
    empty_billing(replay.connection)
    upsert(replay.connection, extract)
    replay.build_full()
    replay.connection.execute("delete from dynamics.change_log")
    replay.connection.commit()
    publish_full(replay)


def continue_with(replay, extract):
    """Load, build and publish the extract incrementally."""
    upsert(replay.connection, extract)
    replay.build_incrementally()
    replay.connection.commit()
    publish(replay.connection, replay.build.build_id, is_full=False)
    replay.connection.commit()


def assert_equals_a_full_publish(replay):
    incremental = read_store(replay.connection)
    [(clients,)] = replay.connection.execute("select count(*) from billing.clients").fetchall()
    assert len(incremental["clients"]) == clients
    publish_full(replay)
    assert incremental == read_store(replay.connection)


def test_changes_give_the_rows_of_a_full_publish(replay):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    @given(st.lists(extracts(), min_size=2, max_size=3))
    def agree(steps):
        start_with(replay, steps[0])
        for extract in steps[1:]:
            continue_with(replay, extract)
        assert_equals_a_full_publish(replay)

    agree()


@pytest.mark.parametrize("amount", ["99999999999999.999999", "-99999999999999.999999", "1234567890123.5"])
def test_large_amounts_widen_a_store_in_place(replay, amount):
    rows = (
        Package("p1", "One"),
        client("a"),
        client("b"),
        transaction("a", "2018-03-10", "refill", "1"),
    )
    start_with(replay, make_extract(*rows))
    large = (
        transaction("b", "2018-03-12", "refill", amount),
        transaction("b", "2018-03-12", "adjustment", amount),
    )
    continue_with(replay, make_extract(*rows, *large))
    assert_equals_a_full_publish(replay)


def test_voided_activation_ends_a_holding(replay):
    def activation(voided=None):
        return make_extract(
            Package("p1", "One"),
            client("a"),
            transaction("a", "2018-03-10", "package_activation", "-1", "p1", voided=voided),
        )

    start_with(replay, activation())
    assert read_store(replay.connection)["holdings"]
    continue_with(replay, activation(voided=utc("2018-04-01")))
    assert not read_store(replay.connection)["holdings"]
    assert_equals_a_full_publish(replay)
