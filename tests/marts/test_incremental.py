"""An incremental build gives the same rows as a full build."""

import os

import databases
import pytest
from builders import client, make_extract, transaction, utc
from extract import TABLES, Package
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marts_replay import IncrementalReplay, empty_billing, upsert
from strategies import extracts

from orchestration.db.database import connect

EXAMPLES = int(os.environ.get("INCREMENTAL_EXAMPLES", "30"))


@pytest.fixture(scope="module")
def replay(server_url, migrated_template, tmp_path_factory):
    """Yield marts that have had a full and an incremental build."""
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        yield IncrementalReplay(connection, tmp_path_factory.mktemp("dbt"))


def delete_others(connection, extract):
    """Delete the rows that are not in the extract. Loads never do that, but a person can."""
    for table, rows in reversed([(table, getattr(extract, table)) for table in TABLES]):
        key = {"client_tags": ("client_id", "tag"), "exchange_rates": ("currency", "valid_from")}.get(
            table, (f"{table.removesuffix('s')}_id",)
        )
        kept = [tuple(str(getattr(row, name)) for name in key) for row in rows]
        expression = "||'|'||".join(f"{name}::text" for name in key)
        connection.execute(
            f"delete from billing.{table} where not {expression} = any(%s)",
            [["|".join(values) for values in kept]],
        )


def test_any_loads_give_the_marts_of_a_full_build(replay):
    """Load each extract over the one before it.

    This makes transactions that are new, back-dated, rerated, moved, voided and restored, clients
    with another type, owner, currency, tag or creation, late rates, and deleted rows.
    """
    connection = replay.connection

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    @given(st.lists(st.tuples(extracts(), st.booleans(), st.booleans()), min_size=2, max_size=4))
    def agree(steps):
        try:
            empty_billing(connection)
            upsert(connection, steps[0][0])
            replay.build_full()
            connection.execute("delete from dynamics.change_log")
            for extract, is_exact, is_built in steps[1:]:
                upsert(connection, extract)
                if is_exact:
                    delete_others(connection, extract)
                if is_built:
                    replay.build_incrementally()
            replay.build_incrementally()
            assert replay.differences_from_full() == {}
        finally:
            connection.rollback()

    agree()


def two_events_at_one_instant(*later):
    """Return a client with a charge and a refill at one instant, and later charges."""
    return make_extract(
        client("a"),
        transaction("a", "2018-03-10", "usage", "-5"),
        transaction("a", "2018-03-10", "refill", "20"),
        *(transaction("a", day, "usage", "-1") for day in later),
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
    assert_equals_a_full_build(
        replay, two_events_at_one_instant("2018-03-12"), two_events_at_one_instant(*later)
    )


def two_packages(one, other, *, voided=None):
    """Return a client with monthly refills that activates two packages on these dates."""
    return make_extract(
        Package("p1", "One"),
        Package("p2", "Two"),
        client("a"),
        *(transaction("a", f"2018-0{month}-05", "refill", "10") for month in range(1, 7)),
        *(
            transaction("a", day, "package_activation", "-1", package, voided=voided and utc(voided))
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
def test_package_activations_move_or_appear(replay, before, later):
    assert_equals_a_full_build(replay, two_packages(*before), two_packages(*later))


def test_package_activations_are_voided(replay):
    days = "2018-03-20", "2018-05-20"
    assert_equals_a_full_build(
        replay,
        two_packages(*days),
        two_packages(*days, voided="2018-06-30"),
    )


def assert_equals_a_full_build(replay, first, second):
    """Build the first extract in full and the second incrementally. Compare with a full build."""
    connection = replay.connection
    try:
        empty_billing(connection)
        upsert(connection, first)
        replay.build_full()
        connection.execute("delete from dynamics.change_log")
        upsert(connection, second)
        delete_others(connection, second)
        replay.build_incrementally()
        assert replay.differences_from_full() == {}
    finally:
        connection.rollback()
