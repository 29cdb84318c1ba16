"""The drill-down clients of a cell are those of the reference, and they add up to the cell."""

import os
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from builders import FIRST_HALF, LATER, client, make_extract, make_params, transaction
from engine_cases import SOURCES, forced_source, has_unresolvable_name, make_report_query
from extract import Rate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from periods import cut_into_periods
from reference import Rates, is_paid, matching_accounts, shown_groups
from strategies import QueryCase, extracts, query_cases

from orchestration.errors import RequestError
from orchestration.reporting import drilldown_export
from orchestration.reporting.drilldown import CellRef, drill_down, has_clients, parse_cell_ref
from orchestration.reporting.engine import compute_report
from orchestration.reporting.money import MissingRate
from orchestration.reporting.table import METRICS

EXAMPLES = int(os.environ.get("CLIENTS_EXAMPLES", "60"))
COHORT_METRICS = [metric for metric in METRICS if has_clients(metric)]


@st.composite
def extracts_with_a_case(draw):
    extract = draw(extracts())
    assume(extract.clients)
    return extract, draw(query_cases(extract))


def test_drilldown_clients_are_those_of_the_reference(replay):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(extracts_with_a_case(), st.sampled_from(SOURCES), st.data())
    def agree(drawn, source, data):
        extract, case = drawn
        assume(not has_unresolvable_name(extract, case))
        replay.fill(extract, case.as_of)
        try:
            with forced_source(source):
                report = compute(replay, case)
        except MissingRate:
            return
        finally:
            replay.connection.rollback()
        for ref in data.draw(st.lists(st.sampled_from([*cohort_cells(report)] or [None]), max_size=8)):
            if ref is None or cell_value(report, ref) is None:
                continue
            result = drill_down(report.clients, report.table, ref)
            assert result.is_consistent, (ref, result.cell, result.total)
            assert balances_of(result) == reference_balances(extract, case, ref)

    agree()


def compute(replay, case):
    return compute_report(
        replay.connection,
        make_report_query(case.params),
        base_currency=case.base_currency,
        moment=case.now,
        with_clients=True,
    )


def cohort_cells(report):
    """Yield the position of every cell that has a drill-down."""
    for block in range(len(report.table.blocks)):
        for column in range(len(report.table.columns)):
            yield from (CellRef(block, metric, column) for metric in COHORT_METRICS)


def cell_value(report, ref):
    return report.table.blocks[ref.block].row(ref.metric.section, ref.metric.name)[ref.column]


def balances_of(result):
    """Return the balance and the converted balance of each client by its id."""
    return {
        client.client_id: (client.balance, Fraction(client.balance) * client.rate)
        for client in result.clients()
    }


def reference_balances(extract, case, ref):
    """Return the same as `balances_of`, for the clients that the reference counts in a cell."""
    params = case.params
    periods = cut_into_periods(params, case.as_of, case.now)
    accounts = matching_accounts(extract, params)
    groups = shown_groups(extract, params, accounts, periods)
    has_package_columns = params.group_by == ("package_name",)
    group = groups[ref.column if has_package_columns else ref.block]
    period = periods[0 if has_package_columns else ref.column]
    rates = Rates(extract.exchange_rates, case.base_currency, params.currency or case.base_currency)
    closing_day = (period.end - period.end.resolution).date()
    balances = {}
    for account in accounts:
        balance = account.balance(period.end)
        paid_window = account.before(period.end)
        if ref.metric.section == "Clients - Active":
            paid_window = account.between(period.active_from, period.end)
        is_in_cohort = ref.metric.section == "Clients - All" or any(map(is_paid, paid_window))
        is_created = account.client.created_at < period.end
        is_counted = {
            "Qty": is_created,
            "Balance Pos": balance > 0,
            "Balance Neg": balance < 0,
            "Balance": is_created or bool(account.before(period.end)),
        }[ref.metric.name]
        if group.includes(account, period.end) and is_in_cohort and is_counted:
            converted = rates.convert(balance, account.client.currency, closing_day)
            balances[account.client.client_id] = (balance, converted)
    return balances


HALF_YEAR = QueryCase(make_params(*FIRST_HALF, group_by=("month",), currency="EUR"), LATER, "USD", LATER)
NEGATIVE_IN_MARCH = CellRef(0, next(metric for metric in COHORT_METRICS if metric.name == "Balance Neg"), 2)
"""`Clients - Active / Balance Neg` in March."""


@pytest.fixture
def report(replay):
    """Yield half a year of three clients. Two owe money, and one name has special characters."""
    replay.fill(
        make_extract(
            client("r", client_type="reseller", name="=SUM(A1)"),
            client("a", name='Line\nbreak, "quoted", \\N and ;', owner="r"),
            replace(client("b", currency="GBP"), name=""),
            client("c", name="Никто"),
            transaction("a", "2018-02-03", "usage", "-1.000001"),
            transaction("b", "2018-03-31T23:59:59.999999", "usage", "-0.333333"),
            transaction("c", "2018-04-01", "usage", "-9"),
            Rate("EUR", date(2018, 1, 1), Decimal("1.1")),
            Rate("GBP", date(2018, 1, 1), Decimal("1.3")),
        ),
        LATER,
    )
    yield compute(replay, HALF_YEAR)
    replay.connection.rollback()


def test_a_client_keeps_every_digit_and_its_whole_name(report):
    result = drill_down(report.clients, report.table, NEGATIVE_IN_MARCH)
    first, second = result.clients()
    assert (first.client_id, first.name, first.owner, first.balance) == (
        "a",
        'Line\nbreak, "quoted", \\N and ;',
        "=SUM(A1)",
        Decimal("-1.000001"),
    )
    assert (second.name, second.owner, second.currency) == ("", None, "GBP")
    assert second.rate == Fraction(13, 11)
    assert (second.converted, second.rounded_rate) == (Decimal("-0.39"), Decimal("1.181818181818"))
    assert second.last_paid_at.isoformat() == "2018-03-31T23:59:59.999999+00:00"
    assert result.cell == Decimal("-1.30")  # -0.909… and -0.393…, rounded once
    assert result.is_consistent


def test_the_name_filter_matches_parts_of_names_and_ids(report):
    """The filter ignores case. It is not a pattern."""
    all_clients = next(metric for metric in COHORT_METRICS if metric.section == "Clients - All")
    result = drill_down(report.clients, report.table, CellRef(0, all_clients, 5))
    assert [client.client_id for client in result.filter_by_name("НИК").clients()] == ["c"]
    # "B" is in the name `Line\nbreak`, and in the id `b`.
    assert [client.client_id for client in result.filter_by_name("B").clients()] == ["a", "b"]
    assert len(result.filter_by_name(".*")) == 0
    assert [client.client_id for client in result.clients(1, 1)] == ["a"]


def test_clients_that_do_not_add_up_are_inconsistent(report):
    block = report.table.blocks[0]
    wrong = tuple(tuple(Decimal("7.77") if cell is not None else None for cell in row) for row in block.cells)
    table = type(report.table)(report.table.columns, (type(block)(None, wrong),))
    assert not drill_down(report.clients, table, NEGATIVE_IN_MARCH).is_consistent


def test_a_report_with_too_many_clients_has_no_drilldown(replay, report, monkeypatch):
    monkeypatch.setattr(drilldown_export, "MAX_BYTES", 100)
    without_clients = compute(replay, HALF_YEAR)
    assert without_clients.clients is None
    assert without_clients.table == report.table
    assert replay.connection.execute("select count(*) from billing.clients").fetchone() == (4,)


def test_an_unknown_period_has_no_clients(replay, report):
    early = QueryCase(HALF_YEAR.params, report.interval.start.instant.replace(month=3), "USD", LATER)
    replay.connection.execute("update dynamics.builds set as_of = %s", [early.as_of])
    early_report = compute(replay, early)
    result = drill_down(early_report.clients, early_report.table, CellRef(0, COHORT_METRICS[0], 4))
    assert (result.cell, result.total, len(result)) == (None, None, 0)


def test_only_existing_cells_of_cohorts_have_a_drilldown(report):
    assert parse_cell_ref(report.table, "Clients - Active/Qty", "5") == CellRef(0, COHORT_METRICS[0], 5)
    for row, column, block in (
        ("Balance Refill/Qty", "0", "0"),
        ("Clients - Active/Nothing", "0", "0"),
        ("", "0", "0"),
        ("Clients - Active/Qty", "6", "0"),
        ("Clients - Active/Qty", "-1", "0"),
        ("Clients - Active/Qty", "٣", "0"),
        ("Clients - Active/Qty", "", "0"),
        ("Clients - Active/Qty", "0", "1"),
        ("Clients - Active/Qty", "9" * 5000, "0"),
    ):
        with pytest.raises(RequestError):
            parse_cell_ref(report.table, row, column, block)
