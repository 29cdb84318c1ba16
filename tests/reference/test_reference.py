"""The second computation is itself held to values written by hand from the spec, cell by cell."""

import csv
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from extract import Package, Rate, Tag, read_csv
from reference import ROWS, MissingRate, data_interval, money
from tiny import FIRST_HALF, LATER, MARCH, asked, at, client, line, moved, report, world

GOLDEN = Path(__file__).parents[1] / "golden"


def test_the_golden_extract_gives_the_screenshot_cell_for_cell():
    with (GOLDEN / "expected.csv").open(encoding="utf-8-sig", newline="") as file:
        expected = list(csv.reader(file))
    params = asked(date(2018, 1, 1), date(2018, 12, 31), group_by=("month",))

    assert report(read_csv(GOLDEN / "source"), params) == expected


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
def test_the_active_window_begins_whole_months_before_the_period_with_the_day_clamped(months, when, active):
    extract = world(client("a"), moved("a", when, "usage", "-1"))
    rows = report(extract, asked(date(2018, 5, 31), date(2018, 6, 2), active_duration=months))

    assert line(rows, "Clients - Active", "Qty") == [active]
    assert line(rows, "Clients - Overall Active", "Qty") == ["1"]


def test_a_charge_before_its_client_exists_moves_balances_and_totals_but_no_quantity():
    extract = world(client("a", created="2018-04-01"), moved("a", "2018-03-10", "usage", "-4"))
    rows = report(extract, asked(*MARCH))

    assert line(rows, "Clients - Active", "Qty") == ["0"]
    assert line(rows, "Clients - Active", "Balance") == ["-4.00"]
    assert line(rows, "Pay As You Go", "Total") == ["-4.00"]
    assert line(rows, "Pay As You Go", "Active Avg") == ["N/A"]  # over a Qty of 0


def test_a_sum_over_nothing_is_na_and_one_over_zeros_is_zero():
    nobody_yet = report(world(client("a", created="2018-04-01")), asked(*MARCH))
    idle = report(world(client("a"), moved("a", "2018-03-10", "usage", "0")), asked(*MARCH))

    assert [line(nobody_yet, "Clients - All", m) for m in ("Qty", "Balance")] == [["0"], ["N/A"]]
    assert line(idle, "Clients - All", "Balance") == ["0.00"]
    assert line(idle, "Clients - All", "Balance Pos") == ["N/A"]  # zero is neither above nor below zero
    assert line(idle, "Pay As You Go", "Total") == ["0.00"]
    assert line(idle, "Clients - Overall Active", "Qty") == ["0"]  # nothing was charged


def test_usage_that_gives_money_back_is_summed_but_is_no_paid_service():
    extract = world(
        client("a"),
        client("b"),
        moved("a", "2018-03-10", "usage", "-10"),
        moved("b", "2018-03-10", "usage", "3"),
        moved("b", "2018-03-11", "usage", "-99", voided=at("2018-03-12")),
    )
    rows = report(extract, asked(*MARCH))

    assert line(rows, "Pay As You Go", "Total") == ["-7.00"]
    assert line(rows, "Pay As You Go", "Active Avg") == ["-7.00"]  # one active client
    assert line(rows, "Clients - All", "Balance Pos") == ["3.00"]


def test_an_instant_at_the_end_belongs_to_the_next_period():
    extract = world(client("a", created="2018-04-01"), moved("a", "2018-04-01", "refill", "5"))
    rows = report(extract, asked(date(2018, 3, 1), date(2018, 4, 30), group_by=("month",)))

    assert line(rows, "Clients - All", "Qty") == ["0", "1"]
    assert line(rows, "Balance Refill", "Qty") == ["0", "1"]


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
    refills = [moved("a", f"2018-03-1{n}", "refill", "0.005") for n in range(3)]
    rows = report(world(client("a"), *refills), asked(*MARCH))

    assert line(rows, "Balance Refill", "Total") == ["0.02"]
    assert line(rows, "Balance Refill", "Avg") == ["0.01"]


def test_flows_have_the_rate_of_their_utc_date_and_balances_the_closing_rate():
    # In Kyiv the refill is on 15 March 01:00, in UTC still on the 14th. March closes in UTC on the 31st.
    extract = world(
        client("a", currency="EUR"),
        moved("a", "2018-03-14T23:00", "refill", "10"),
        *(Rate("EUR", date(2018, 3, day), Decimal(rate)) for day, rate in ((1, "2"), (15, "3"), (31, "4"))),
        *(Rate("UAH", date(2018, 3, day), Decimal(rate)) for day, rate in ((1, "0.5"), (31, "3"))),
        Rate("EUR", date(2018, 4, 1), Decimal(1000)),
    )
    in_utc = report(extract, asked(*MARCH))
    in_dollars = report(extract, asked(*MARCH, timezone="Europe/Kyiv"))
    in_hryvnias = report(extract, asked(*MARCH, timezone="Europe/Kyiv", currency="UAH"))

    assert line(in_dollars, "Balance Refill", "Total") == ["20.00"]
    assert line(in_dollars, "Clients - All", "Balance") == ["40.00"]
    assert line(in_utc, "Clients - All", "Balance") == ["40.00"]  # March is over when April's rate begins
    assert line(in_hryvnias, "Balance Refill", "Total") == ["40.00"]  # 10 x 2 / 0.5
    assert line(in_hryvnias, "Clients - All", "Balance") == ["13.33"]  # 10 x 4 / 3


def test_a_missing_rate_names_the_first_date_and_the_same_currency_needs_none():
    extract = world(
        client("a", currency="UAH"),
        client("b", currency="EUR"),
        moved("a", "2018-03-10", "refill", "0"),
        moved("b", "2018-03-10", "refill", "1"),
        moved("b", "2018-03-09", "adjustment", "1"),  # in no flow, only in the closing balance
    )
    with pytest.raises(MissingRate) as missing:
        report(extract, asked(*MARCH))
    assert (missing.value.currency, missing.value.date) == ("EUR", date(2018, 3, 10))

    just_euros = world(*(row for row in (*extract.clients, *extract.transactions) if row.client_id == "b"))
    rows = report(just_euros, asked(*MARCH, currency="EUR"))
    assert line(rows, "Clients - All", "Balance") == ["2.00"]


# Scope and groups


def test_filters_go_by_type_direct_owner_and_any_tag():
    extract = world(
        client("r1", client_type="reseller", name="North"),
        client("r2", client_type="reseller", owner="r1", name="r1"),  # a name that is another's id
        client("a", owner="r1"),
        client("b", owner="r2"),
        client("c", owner="r2"),
        Tag("a", "vip"),
        Tag("b", "retail"),
    )

    def quantity(**filters):
        return line(report(extract, asked(*MARCH, **filters)), "Clients - All", "Qty")

    assert quantity() == ["3"]
    assert quantity(client_type="reseller") == ["2"]
    assert quantity(owners=("North",)) == ["1"]  # not the clients of its own reseller
    assert quantity(owners=("r1",)) == ["1"]  # the id goes before the name
    assert quantity(client_tags=("vip", "retail")) == ["2"]
    assert quantity(client_tags=("vip", "retail"), owners=("r2",)) == ["1"]


def two_packages():
    """a holds p1 since January and p2 since March; b holds p2 since March; c and d hold none."""
    return world(
        Package("p1", "=Zeta"),
        Package("p2", "Alpha"),
        Package("p3", "Never sold"),
        *(client(key) for key in "abcd"),
        moved("a", "2018-01-10", "package_activation", "-1", "p1"),
        moved("a", "2018-03-10", "package_renewal", "-2", "p1"),
        moved("a", "2018-03-11", "package_activation", "-4", "p2"),
        moved("b", "2018-03-12", "package_activation", "0", "p2"),
        moved("a", "2018-03-13", "usage", "-8"),
        moved("c", "2018-03-14", "package_activation", "-16"),  # of no package that is known
        moved("d", "2018-01-15", "refill", "32", "p3"),  # to refill for a package is not to hold it
    )


def test_a_package_filter_takes_those_who_hold_it_and_counts_only_its_transactions():
    rows = report(two_packages(), asked(*FIRST_HALF, packages=("=Zeta",), group_by=("month",)))

    assert line(rows, "Clients - All", "Qty") == ["1"] * 6
    assert line(rows, "Packages", "Activation Qty") == ["1", "0", "0", "0", "0", "0"]
    assert line(rows, "Packages", "Renew Total") == ["N/A", "N/A", "-2.00", "N/A", "N/A", "N/A"]
    assert line(rows, "Pay As You Go", "Total") == ["N/A", "N/A", "-8.00", "N/A", "N/A", "N/A"]


def test_without_a_time_group_each_package_is_a_column_in_name_order_and_no_package_comes_last():
    rows = report(two_packages(), asked(*MARCH, group_by=("package_name",)))

    assert rows[0] == ["Section", "Metric", "'=Zeta", "Alpha", "No package"]
    assert [tuple(row[:2]) for row in rows[1:]] == list(ROWS)
    assert line(rows, "Clients - All", "Qty") == ["1", "2", "2"]
    assert line(rows, "Clients - All", "Balance") == ["-15.00", "-15.00", "16.00"]
    assert line(rows, "Packages", "Activation Total") == ["N/A", "-4.00", "-16.00"]
    assert line(rows, "Packages", "Activation Qty") == ["0", "2", "1"]


def test_with_a_time_group_each_package_is_a_block_left_out_when_nobody_ever_holds_it():
    months = asked(date(2018, 2, 1), date(2018, 3, 31), group_by=("package_name", "month"))
    rows = report(two_packages(), months)

    assert rows[0] == ["Package", "Section", "Metric", "02/2018", "03/2018"]
    assert [row[0] for row in rows[1::21]] == ["'=Zeta", "Alpha", "No package"]
    assert len(rows) == 1 + 3 * 21
    assert line(rows, "Alpha", "Clients - All", "Qty") == ["0", "2"]
    assert line(rows, "No package", "Clients - All", "Qty") == ["3", "2"]

    in_february = report(two_packages(), months, as_of=at("2018-03-01"))
    assert [row[0] for row in in_february[1::21]] == ["'=Zeta", "No package"]  # Alpha begins in March
    assert report(two_packages(), months, as_of=at("2018-02-01")) == [rows[0]]
    filtered = report(two_packages(), asked(*MARCH, packages=("p2",), group_by=("package_name", "date")))
    assert {row[0] for row in filtered[1:]} == {"Alpha"}


def test_the_data_interval_spans_the_transactions_that_lie_in_the_interval():
    extract = world(
        client("a"),
        client("r", client_type="reseller"),
        moved("a", "2018-02-28", "usage", "-1"),
        moved("a", "2018-03-02", "transfer", "1"),
        moved("a", "2018-03-20", "usage", "-1"),
        moved("a", "2018-03-25", "usage", "-1", voided=at("2018-03-26")),
        moved("r", "2018-03-30", "usage", "-1"),
    )

    def interval(as_of):
        return data_interval(extract, asked(*MARCH, group_by=("date",)), as_of=as_of, now=LATER)

    assert interval(LATER) == (at("2018-03-02"), at("2018-03-20"))
    assert interval(at("2018-03-20")) == (at("2018-03-02"), at("2018-03-02"))
    assert interval(at("2018-03-02")) is None
    assert interval(at("2018-01-01")) is None
