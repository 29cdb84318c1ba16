"""The BI views agree with the reference implementation on each cell, in UTC and one currency."""

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import databases
import pytest
from builders import client, make_extract, transaction, utc
from extract import Extract
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marts_replay import MartsReplay
from periods import Params
from reference import reference_report
from strategies import extracts

from orchestration.db.database import connect

EXAMPLES = int(os.environ.get("INCREMENTAL_EXAMPLES", "30"))
VIEWS = {
    "date": "customer_dynamics_daily",
    "month": "customer_dynamics_monthly",
    "year": "customer_dynamics_yearly",
}
COHORT_COLUMNS = [
    f"{cohort}_{measure}"
    for cohort in ("active", "overall_active", "all")
    for measure in ("qty", "balance_pos", "balance_neg", "balance")
]
COLUMNS = [
    *COHORT_COLUMNS,
    *("refill_qty", "refill_total", "refill_avg", "pay_as_you_go_total", "pay_as_you_go_active_avg"),
    *("activation_qty", "activation_total", "renew_qty", "renew_total"),
]
LABELS = {"date": "%Y-%m-%d", "month": "%m/%Y", "year": "%Y"}


@pytest.fixture(scope="module")
def replay(server_url, migrated_template, tmp_path_factory):
    with databases.fresh(server_url, migrated_template) as url, connect(url) as connection:
        yield MartsReplay(connection, tmp_path_factory.mktemp("dbt"))


def format_cell(value):
    """Return a cell as the report writes it: two decimals, rounded half away from zero."""
    if value is None:
        return "N/A"
    if isinstance(value, int):
        return str(value)
    cents = int(abs(value) * 100 + Decimal("0.5"))
    return f"{'-' if value < 0 < cents else ''}{cents // 100}.{cents % 100:02}"


def view_rows(connection, unit, client_type, currency):
    """Return the 21 cells of each period of a view."""
    rows = connection.execute(
        f"select utc_{unit}, {', '.join(COLUMNS)} from marts.{VIEWS[unit]}"
        f" where client_type = %s and currency = %s order by utc_{unit}",
        [client_type, currency],
    )
    return {period.strftime(LABELS[unit]): [format_cell(value) for value in cells] for period, *cells in rows}


def reference_rows(extract, unit, client_type, first, last, as_of):
    """Return the same from the reference, for clients of one type and currency."""
    (currency,) = {row.currency for row in extract.clients}
    params = Params(interval=(first, last), client_type=client_type, group_by=(unit,), currency=currency)
    header, *rows = reference_report(extract, params, as_of=as_of, now=as_of)
    return dict(zip(header[2:], zip(*(row[2:] for row in rows), strict=True), strict=True))


def compare(replay, extract, as_of, *, days=None):
    """Assert that each view has the cells of the reference. `days` limits the dates."""
    replay.fill(extract, as_of)
    last = (as_of - timedelta(microseconds=1)).date()
    for client_type, currency in {(row.client_type, row.currency) for row in extract.clients}:
        part = select_clients(extract, client_type, currency)
        events = [row.created_at for row in part.clients]
        events += [row.occurred_at for row in part.transactions if not row.voided_at]
        first = min(events).astimezone(UTC).date()
        for unit in VIEWS:
            rows = view_rows(replay.connection, unit, client_type, currency)
            begin = {"date": first, "month": first.replace(day=1), "year": first.replace(month=1, day=1)}[
                unit
            ]
            if unit == "date" and days:
                assert len(rows) == max((last - first).days + 1, 0)
                chosen = [day for day in days if first <= day <= last]
                expected = {}
                for day in chosen:
                    expected |= reference_rows(part, unit, client_type, day, day, as_of)
                rows = {label: cells for label, cells in rows.items() if label in expected}
            else:
                expected = (
                    reference_rows(part, unit, client_type, begin, last, as_of) if begin <= last else {}
                )
            assert rows == {label: list(cells) for label, cells in expected.items()}


def select_clients(extract: Extract, client_type, currency) -> Extract:
    """Return the clients of one type and currency with their transactions."""
    clients = tuple(
        row for row in extract.clients if (row.client_type, row.currency) == (client_type, currency)
    )
    ids = {row.client_id for row in clients}
    transactions = tuple(row for row in extract.transactions if row.client_id in ids)
    return replace(extract, clients=clients, client_tags=(), transactions=transactions, exchange_rates=())


def test_views_agree_with_the_reference(replay):
    """`as_of` is after the last event, because the views count all events of its date."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    @given(extracts(), st.sampled_from([timedelta(microseconds=1), timedelta(hours=5), timedelta(days=100)]))
    def agree(extract, later):
        events = [row.created_at for row in extract.clients]
        events += [row.occurred_at for row in extract.transactions]
        days = sorted(
            {event.astimezone(UTC).date() + timedelta(days=n) for event in events for n in (0, 1, 92)}
        )
        try:
            compare(replay, extract, max(events) + later, days=days[:40])
        finally:
            replay.connection.rollback()

    agree()


def payments_at_month_ends():
    """Return clients that pay on days that do not exist three months later, around a leap day."""
    days = ("2019-11-28", "2019-11-29", "2019-11-30", "2020-01-30", "2020-01-31", "2020-02-29")
    return make_extract(
        *(client(f"c{n}", created="2019-11-01") for n, _ in enumerate(days)),
        *(transaction(f"c{n}", day, "usage", f"-{n + 1}") for n, day in enumerate(days)),
        transaction("c5", "2020-06-15", "refill", "10"),
    )


def test_views_agree_at_month_ends(replay):
    try:
        compare(replay, payments_at_month_ends(), utc("2020-07-02T12:00"))
    finally:
        replay.connection.rollback()


def test_averages_are_rounded_once_and_away_from_zero(replay):
    """1 / 8 is 0.125. A total just below a tie must not be rounded up to the tie first."""
    extract = make_extract(
        client("a"),
        *(transaction("a", f"2018-01-0{day}", "refill", "0.125") for day in range(1, 9)),
        transaction("a", "2018-02-01", "refill", "99999999999999.994999"),
        transaction("a", "2018-03-01", "usage", "-0.005"),
    )
    try:
        replay.fill(extract, utc("2018-04-01"))
        rows = replay.connection.execute(
            "select refill_avg, pay_as_you_go_active_avg from marts.customer_dynamics_monthly order by utc_month"
        ).fetchall()
        assert rows == [
            (Decimal("0.13"), None),
            (Decimal("99999999999999.99"), None),
            (None, Decimal("-0.01")),
        ]
    finally:
        replay.connection.rollback()


def test_columns_are_the_rows_of_the_report_in_order(replay):
    from orchestration.reporting.table import METRICS

    rows = replay.connection.execute(
        "select column_name from information_schema.columns where table_schema = 'marts'"
        " and table_name = 'customer_dynamics_monthly' order by ordinal_position"
    ).fetchall()
    replay.connection.rollback()
    assert [name for (name,) in rows] == ["client_type", "currency", "utc_month", *COLUMNS]
    assert len(COLUMNS) == len(METRICS) == 21


def test_last_period_follows_the_current_build(replay):
    """A build without changes moves `as_of`, and with it the last period."""
    extract = make_extract(client("a"), transaction("a", "2018-01-05", "usage", "-1"))
    try:
        replay.fill(extract, datetime(2018, 1, 10, tzinfo=UTC))
        last = "select max(utc_date) from marts.customer_dynamics_daily"
        assert replay.connection.execute(last).fetchone() == (datetime(2018, 1, 9).date(),)
        replay.connection.execute(
            "insert into dynamics.builds (marts_schema, as_of, finished_at) values ('marts', '2018-01-10 00:00:01Z', now())"
        )
        assert replay.connection.execute(last).fetchone() == (datetime(2018, 1, 10).date(),)
    finally:
        replay.connection.rollback()
