"""The reference is compared with values that were computed by hand from the definition."""

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from builders import (
    FIRST_HALF,
    LATER,
    MARCH,
    client,
    compute_rows,
    make_extract,
    make_params,
    row_values,
    transaction,
    utc,
)
from extract import Package, Rate, Tag, read_csv
from reference import ROWS, MissingRate, data_interval, money

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_golden_extract_gives_the_golden_report():
    with (GOLDEN / "expected.csv").open(encoding="utf-8-sig", newline="") as file:
        expected = list(csv.reader(file))
    params = make_params(date(2018, 1, 1), date(2018, 12, 31), group_by=("month",))

    assert compute_rows(read_csv(GOLDEN / "source"), params) == expected


@pytest.mark.parametrize(
    ("months", "when", "active"),
    [  # 31 May minus three months is 28 February, minus one is 30 April, minus two 31 March.
        (3, "2018-02-27T23:59:59.999999", "0"),
        (3, "2018-02-28", "1"),
        (1, "2018-04-29T23:59:59.999999", "0"),
        (1, "2018-04-30", "1"),
        (2, "2018-03-30T23:59:59.999999", "0"),
        (2, "2018-03-31", "1"),
    ],
)
def test_the_active_window_starts_whole_months_earlier(months, when, active):
    extract = make_extract(client("a"), transaction("a", when, "usage", "-1"))
    rows = compute_rows(extract, make_params(date(2018, 5, 31), date(2018, 6, 2), active_duration=months))

    assert row_values(rows, "Clients - Active", "Qty") == [active]
    assert row_values(rows, "Clients - Overall Active", "Qty") == ["1"]


def test_a_charge_before_the_creation_counts_in_no_quantity():
    extract = make_extract(client("a", created="2018-04-01"), transaction("a", "2018-03-10", "usage", "-4"))
    rows = compute_rows(extract, make_params(*MARCH))

    assert row_values(rows, "Clients - Active", "Qty") == ["0"]
    assert row_values(rows, "Clients - Active", "Balance") == ["-4.00"]
    assert row_values(rows, "Pay As You Go", "Total") == ["-4.00"]
    assert row_values(rows, "Pay As You Go", "Active Avg") == ["N/A"]  # over a Qty of 0


def test_a_sum_over_no_row_is_na_and_over_zeros_is_zero():
    no_client = compute_rows(make_extract(client("a", created="2018-04-01")), make_params(*MARCH))
    idle = compute_rows(
        make_extract(client("a"), transaction("a", "2018-03-10", "usage", "0")), make_params(*MARCH)
    )

    assert [row_values(no_client, "Clients - All", m) for m in ("Qty", "Balance")] == [["0"], ["N/A"]]
    assert row_values(idle, "Clients - All", "Balance") == ["0.00"]
    assert row_values(idle, "Clients - All", "Balance Pos") == ["N/A"]  # zero is neither above nor below zero
    assert row_values(idle, "Pay As You Go", "Total") == ["0.00"]
    assert row_values(idle, "Clients - Overall Active", "Qty") == ["0"]  # no negative amount


def test_positive_usage_is_not_a_paid_service():
    extract = make_extract(
        client("a"),
        client("b"),
        transaction("a", "2018-03-10", "usage", "-10"),
        transaction("b", "2018-03-10", "usage", "3"),
        transaction("b", "2018-03-11", "usage", "-99", voided=utc("2018-03-12")),
    )
    rows = compute_rows(extract, make_params(*MARCH))

    assert row_values(rows, "Pay As You Go", "Total") == ["-7.00"]
    assert row_values(rows, "Pay As You Go", "Active Avg") == ["-7.00"]  # one active client
    assert row_values(rows, "Clients - All", "Balance Pos") == ["3.00"]


def test_an_instant_at_the_end_belongs_to_the_next_period():
    extract = make_extract(client("a", created="2018-04-01"), transaction("a", "2018-04-01", "refill", "5"))
    rows = compute_rows(extract, make_params(date(2018, 3, 1), date(2018, 4, 30), group_by=("month",)))

    assert row_values(rows, "Clients - All", "Qty") == ["0", "1"]
    assert row_values(rows, "Balance Refill", "Qty") == ["0", "1"]


# Money


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        ("0.005", "0.01"),
        ("-0.005", "-0.01"),
        ("-0.004999", "0.00"),
        ("1234567.125", "1234567.13"),
        ("0", "0.00"),
    ],
)
def test_money_is_rounded_half_away_from_zero(amount, text):
    assert money(Fraction(amount)) == text


def test_sums_are_rounded_once():
    # Three times half a cent is 1.5 cents, not three cents; its average half a cent again.
    refills = [transaction("a", f"2018-03-1{n}", "refill", "0.005") for n in range(3)]
    rows = compute_rows(make_extract(client("a"), *refills), make_params(*MARCH))

    assert row_values(rows, "Balance Refill", "Total") == ["0.02"]
    assert row_values(rows, "Balance Refill", "Avg") == ["0.01"]


def test_flows_use_their_dates_rate_and_balances_the_closing():
    # The refill is on 15 March in Kyiv, but 14 March in UTC. The closing date is 31 March.
    extract = make_extract(
        client("a", currency="EUR"),
        transaction("a", "2018-03-14T23:00", "refill", "10"),
        *(Rate("EUR", date(2018, 3, day), Decimal(rate)) for day, rate in ((1, "2"), (15, "3"), (31, "4"))),
        *(Rate("UAH", date(2018, 3, day), Decimal(rate)) for day, rate in ((1, "0.5"), (31, "3"))),
        Rate("EUR", date(2018, 4, 1), Decimal(1000)),
    )
    in_utc = compute_rows(extract, make_params(*MARCH))
    in_dollars = compute_rows(extract, make_params(*MARCH, timezone="Europe/Kyiv"))
    in_hryvnias = compute_rows(extract, make_params(*MARCH, timezone="Europe/Kyiv", currency="UAH"))

    assert row_values(in_dollars, "Balance Refill", "Total") == ["20.00"]
    assert row_values(in_dollars, "Clients - All", "Balance") == ["40.00"]
    assert row_values(in_utc, "Clients - All", "Balance") == [
        "40.00"
    ]  # March is over when April's rate begins
    assert row_values(in_hryvnias, "Balance Refill", "Total") == ["40.00"]  # 10 x 2 / 0.5
    assert row_values(in_hryvnias, "Clients - All", "Balance") == ["13.33"]  # 10 x 4 / 3


def test_a_missing_rate_names_its_first_date():
    extract = make_extract(
        client("a", currency="UAH"),
        client("b", currency="EUR"),
        transaction("a", "2018-03-10", "refill", "0"),
        transaction("b", "2018-03-10", "refill", "1"),
        transaction("b", "2018-03-09", "adjustment", "1"),  # a balance needs only the closing rate
    )
    with pytest.raises(MissingRate) as missing:
        compute_rows(extract, make_params(*MARCH))
    assert (missing.value.currency, missing.value.date) == ("EUR", date(2018, 3, 10))

    only_euros = make_extract(
        *(row for row in (*extract.clients, *extract.transactions) if row.client_id == "b")
    )
    rows = compute_rows(only_euros, make_params(*MARCH, currency="EUR"))
    assert row_values(rows, "Clients - All", "Balance") == ["2.00"]


# Scope and groups


def test_filters_by_type_owner_and_tag():
    extract = make_extract(
        client("r1", client_type="reseller", name="North"),
        client("r2", client_type="reseller", owner="r1", name="r1"),  # the name is another client's id
        client("a", owner="r1"),
        client("b", owner="r2"),
        client("c", owner="r2"),
        Tag("a", "vip"),
        Tag("b", "retail"),
    )

    def quantity(**filters):
        return row_values(compute_rows(extract, make_params(*MARCH, **filters)), "Clients - All", "Qty")

    assert quantity() == ["3"]
    assert quantity(client_type="reseller") == ["2"]
    assert quantity(owners=("North",)) == ["1"]  # not the clients of North's reseller
    assert quantity(owners=("r1",)) == ["1"]  # an id wins over a name
    assert quantity(client_tags=("vip", "retail")) == ["2"]
    assert quantity(client_tags=("vip", "retail"), owners=("r2",)) == ["1"]


def two_packages():
    """Return clients: a holds p1 and p2, b holds p2 since March, c and d hold no package."""
    return make_extract(
        Package("p1", "=Zeta"),
        Package("p2", "Alpha"),
        Package("p3", "Never sold"),
        *(client(key) for key in "abcd"),
        transaction("a", "2018-01-10", "package_activation", "-1", "p1"),
        transaction("a", "2018-03-10", "package_renewal", "-2", "p1"),
        transaction("a", "2018-03-11", "package_activation", "-4", "p2"),
        transaction("b", "2018-03-12", "package_activation", "0", "p2"),
        transaction("a", "2018-03-13", "usage", "-8"),
        transaction("c", "2018-03-14", "package_activation", "-16"),  # names no package
        transaction("d", "2018-01-15", "refill", "32", "p3"),  # a refill is not a holding
    )


def test_a_package_filter_selects_holders_and_transactions():
    rows = compute_rows(two_packages(), make_params(*FIRST_HALF, packages=("=Zeta",), group_by=("month",)))

    assert row_values(rows, "Clients - All", "Qty") == ["1"] * 6
    assert row_values(rows, "Packages", "Activation Qty") == ["1", "0", "0", "0", "0", "0"]
    assert row_values(rows, "Packages", "Renew Total") == ["N/A", "N/A", "-2.00", "N/A", "N/A", "N/A"]
    assert row_values(rows, "Pay As You Go", "Total") == ["N/A", "N/A", "-8.00", "N/A", "N/A", "N/A"]


def test_without_a_time_group_each_package_is_a_column():
    rows = compute_rows(two_packages(), make_params(*MARCH, group_by=("package_name",)))

    assert rows[0] == ["Section", "Metric", "'=Zeta", "Alpha", "No package"]
    assert [tuple(row[:2]) for row in rows[1:]] == list(ROWS)
    assert row_values(rows, "Clients - All", "Qty") == ["1", "2", "2"]
    assert row_values(rows, "Clients - All", "Balance") == ["-15.00", "-15.00", "16.00"]
    assert row_values(rows, "Packages", "Activation Total") == ["N/A", "-4.00", "-16.00"]
    assert row_values(rows, "Packages", "Activation Qty") == ["0", "2", "1"]


def test_with_a_time_group_each_held_package_is_a_block():
    months = make_params(date(2018, 2, 1), date(2018, 3, 31), group_by=("package_name", "month"))
    rows = compute_rows(two_packages(), months)

    assert rows[0] == ["Package", "Section", "Metric", "02/2018", "03/2018"]
    assert [row[0] for row in rows[1::21]] == ["'=Zeta", "Alpha", "No package"]
    assert len(rows) == 1 + 3 * 21
    assert row_values(rows, "Alpha", "Clients - All", "Qty") == ["0", "2"]
    assert row_values(rows, "No package", "Clients - All", "Qty") == ["3", "2"]

    in_february = compute_rows(two_packages(), months, as_of=utc("2018-03-01"))
    assert [row[0] for row in in_february[1::21]] == ["'=Zeta", "No package"]  # Alpha is first held in March
    assert compute_rows(two_packages(), months, as_of=utc("2018-02-01")) == [rows[0]]
    filtered = compute_rows(
        two_packages(), make_params(*MARCH, packages=("p2",), group_by=("package_name", "date"))
    )
    assert {row[0] for row in filtered[1:]} == {"Alpha"}


def test_the_data_interval_spans_the_used_transactions():
    extract = make_extract(
        client("a"),
        client("r", client_type="reseller"),
        transaction("a", "2018-02-28", "usage", "-1"),
        transaction("a", "2018-03-02", "transfer", "1"),
        transaction("a", "2018-03-20", "usage", "-1"),
        transaction("a", "2018-03-25", "usage", "-1", voided=utc("2018-03-26")),
        transaction("r", "2018-03-30", "usage", "-1"),
    )

    def interval(as_of):
        return data_interval(extract, make_params(*MARCH, group_by=("date",)), as_of=as_of, now=LATER)

    assert interval(LATER) == (utc("2018-03-02"), utc("2018-03-20"))
    assert interval(utc("2018-03-20")) == (utc("2018-03-02"), utc("2018-03-02"))
    assert interval(utc("2018-03-02")) is None
    assert interval(utc("2018-01-01")) is None
