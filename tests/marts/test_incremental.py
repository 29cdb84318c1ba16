"""An incremental build ends with the same rows as a full one."""

import os

import databases
import pytest
from extract import TABLES, Package
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marts_replay import IncrementalReplay, empty_billing, upsert
from tiny import at, client, moved, world
from worlds import worlds

from orchestration.database import connect

EXAMPLES = int(os.environ.get("INCREMENTAL_EXAMPLES", "30"))


@pytest.fixture(scope="module")
def replay(server_url, migrated_template, tmp_path_factory):
    """Marts of a database of their own that have seen a full and an incremental build."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        yield IncrementalReplay(connection, tmp_path_factory.mktemp("dbt"))


def forget(connection, extract):
    """Delete what the extract does not have. Loads never do that, but a person may."""
    for table, rows in reversed([(table, getattr(extract, table)) for table in TABLES]):
        key = {"client_tags": ("client_id", "tag"), "exchange_rates": ("currency", "valid_from")}.get(
            table, (f"{table.removesuffix('s')}_id",)
        )
        kept = [tuple(str(getattr(row, name)) for name in key) for row in rows]
        named = "||'|'||".join(f"{name}::text" for name in key)
        connection.execute(
            f"delete from billing.{table} where not {named} = any(%s)", [["|".join(k) for k in kept]]
        )


def test_marts_equal_a_full_refresh_after_any_loads(replay):
    """Load each world over the one before it.

    That makes new, back-dated, rerated, moved, voided and un-voided transactions, clients of
    another type, owner, currency, tag or creation, late rates, and deleted rows.
    """
    connection = replay.connection

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    @given(st.lists(st.tuples(worlds(), st.booleans(), st.booleans()), min_size=2, max_size=4))
    def agree(steps):
        try:
            empty_billing(connection)
            upsert(connection, steps[0][0])
            replay.build_whole()
            connection.execute("delete from dynamics.touched")
            for extract, is_exact, is_built in steps[1:]:
                upsert(connection, extract)
                if is_exact:
                    forget(connection, extract)
                if is_built:
                    replay.catch_up()
            replay.catch_up()
            assert replay.differences_from_full() == {}
        finally:
            connection.rollback()

    agree()


def two_at_one_instant_then(*later):
    """Return a client that was charged and refilled at one instant, and moved later."""
    return world(
        client("a"),
        moved("a", "2018-03-10", "usage", "-5"),
        moved("a", "2018-03-10", "refill", "20"),
        *(moved("a", day, "usage", "-1") for day in later),
    )


@pytest.mark.parametrize(
    "later",
    [
        ("2018-03-12", "2018-03-20"),
        ("2018-03-11", "2018-03-12"),
        ("2018-03-10", "2018-03-12"),
        ("2018-03-09", "2018-03-12"),
    ],
)
def test_rebuild_starts_from_the_last_event_of_an_instant(replay, later):
    agree_after(replay, two_at_one_instant_then("2018-03-12"), two_at_one_instant_then(*later))


def holding_two_packages_since(one, other, *, voided=None):
    """Return a client that moves every month and takes two packages in between."""
    return world(
        Package("p1", "One"),
        Package("p2", "Two"),
        client("a"),
        *(moved("a", f"2018-0{month}-05", "refill", "10") for month in range(1, 7)),
        *(
            moved("a", day, "package_activation", "-1", package, voided=voided and at(voided))
            for package, day in (("p1", one), ("p2", other))
            if day
        ),
    )


@pytest.mark.parametrize(
    ("before", "later"),
    [
        ((None, None), ("2018-06-20", None)),
        ((None, None), ("2018-03-20", "2018-05-20")),
        (("2018-06-20", None), ("2018-03-20", None)),
        (("2018-03-20", None), ("2018-03-20", "2018-05-20")),
        (("2018-03-20", "2018-05-20"), ("2018-05-21", "2018-05-20")),
    ],
)
def test_packages_that_were_taken_earlier_or_later(replay, before, later):
    agree_after(replay, holding_two_packages_since(*before), holding_two_packages_since(*later))


def test_voided_activations_of_packages(replay):
    days = "2018-03-20", "2018-05-20"
    agree_after(
        replay,
        holding_two_packages_since(*days),
        holding_two_packages_since(*days, voided="2018-06-30"),
    )


def agree_after(replay, first, then):
    """Assert that marts of the first extract that follow the second equal a full build of it."""
    connection = replay.connection
    try:
        empty_billing(connection)
        upsert(connection, first)
        replay.build_whole()
        connection.execute("delete from dynamics.touched")
        upsert(connection, then)
        forget(connection, then)
        replay.catch_up()
        assert replay.differences_from_full() == {}
    finally:
        connection.rollback()
