"""A report store that was brought up to date has the rows of one that was written from nothing."""

import os

import databases
import pytest
from extract import Package
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marts_replay import IncrementalReplay, empty_billing, upsert
from stores import contents
from tiny import at, client, moved, world
from worlds import worlds

from orchestration.builds.store import publish
from orchestration.database import connect

EXAMPLES = int(os.environ.get("INCREMENTAL_EXAMPLES", "30"))


@pytest.fixture(scope="module", params=[1, 3], ids=["one part", "three parts"])
def replay(request, server_url, migrated_template, tmp_path_factory):
    """Marts whose store has one part, or three."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        made = IncrementalReplay(connection, tmp_path_factory.mktemp("dbt"))
        made.parts = request.param
        yield made


def publish_full(replay):
    publish(replay.connection, replay.build.build_id, is_full=True, parts=replay.parts)
    replay.connection.commit()


def begin_with(replay, extract):
    empty_billing(replay.connection)
    upsert(replay.connection, extract)
    replay.build_whole()
    replay.connection.execute("delete from dynamics.touched")
    replay.connection.commit()
    publish_full(replay)


def go_on_with(replay, extract):
    upsert(replay.connection, extract)
    replay.catch_up()
    replay.connection.commit()
    publish(replay.connection, replay.build.build_id, is_full=False)
    replay.connection.commit()


def require_that_of_a_full_publish(replay):
    kept = contents(replay.connection)
    assert (
        len(kept["clients"])
        == replay.connection.execute("select count(*) from billing.clients").fetchone()[0]
    )
    publish_full(replay)
    assert kept == contents(replay.connection)


def test_any_sequence_of_changes_ends_with_a_full_stores_rows(replay):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    @given(st.lists(worlds(), min_size=2, max_size=3))
    def agree(steps):
        begin_with(replay, steps[0])
        for extract in steps[1:]:
            go_on_with(replay, extract)
        require_that_of_a_full_publish(replay)

    agree()


@pytest.mark.parametrize("amount", ["99999999999999.999999", "-99999999999999.999999", "1234567890123.5"])
def test_amounts_at_both_ends_widen_a_store_in_place(replay, amount):
    small = world(Package("p1", "One"), client("a"), client("b"), moved("a", "2018-03-10", "refill", "1"))
    begin_with(replay, small)
    grown = world(
        Package("p1", "One"),
        client("a"),
        client("b"),
        moved("a", "2018-03-10", "refill", "1"),
        moved("b", "2018-03-12", "refill", amount),
        moved("b", "2018-03-12", "adjustment", amount),
    )
    go_on_with(replay, grown)
    require_that_of_a_full_publish(replay)


def test_a_voided_activation_ends_a_holding(replay):
    def held(voided=None):
        return world(
            Package("p1", "One"),
            client("a"),
            moved("a", "2018-03-10", "package_activation", "-1", "p1", voided=voided),
        )

    begin_with(replay, held())
    assert contents(replay.connection)["holdings"]
    go_on_with(replay, held(voided=at("2018-04-01")))
    assert not contents(replay.connection)["holdings"]
    require_that_of_a_full_publish(replay)
