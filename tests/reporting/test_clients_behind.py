"""The clients behind a cell are those that the plain reference counts one by one, and they add up to the cell."""

import os
from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from extract import Rate
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from periods import cut_into_periods
from reference import Rates, is_paid, matching_accounts, shown_groups
from test_engine_against_reference import SOURCES, answered, asked_query, names_nobody_or_several
from tiny import FIRST_HALF, LATER, asked, client, moved, world
from worlds import Question, questions, worlds

from orchestration.errors import RequestError
from orchestration.reporting import clients_kept
from orchestration.reporting.clients import Place, clients_of_cell, has_clients, place
from orchestration.reporting.engine import make_report
from orchestration.reporting.money import MissingRate
from orchestration.reporting.table import METRICS

EXAMPLES = int(os.environ.get("CLIENTS_EXAMPLES", "60"))
COHORTS = [metric for metric in METRICS if has_clients(metric)]


@st.composite
def worlds_with_a_question(draw):
    extract = draw(worlds())
    assume(extract.clients)
    return extract, draw(questions(extract))


def test_the_clients_behind_a_cell_are_those_that_the_reference_counts(replay):
    @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True)
    @given(worlds_with_a_question(), st.sampled_from(SOURCES), st.data())
    def agree(drawn, source, data):
        extract, question = drawn
        assume(not names_nobody_or_several(extract, question))
        replay.fill(extract, question.as_of)
        try:
            with answered(by=source):
                report = made(replay, question)
        except MissingRate:
            return
        finally:
            replay.connection.rollback()
        for at in data.draw(st.lists(st.sampled_from([*cells(report)] or [None]), max_size=8)):
            if at is None or cell(report, at) is None:
                continue
            behind = clients_of_cell(report.clients, report.table, at)
            assert behind.agrees, (at, behind.cell, behind.total)
            assert found(behind) == expected(extract, question, at)

    agree()


def made(replay, question):
    query = asked_query(question.params)
    return make_report(
        replay.connection, query, base_currency=question.base_currency, moment=question.now, with_clients=True
    )


def cells(report):
    """Every place of the report that has clients."""
    for block in range(len(report.table.blocks)):
        for column in range(len(report.table.columns)):
            yield from (Place(block, metric, column) for metric in COHORTS)


def cell(report, at):
    return report.table.blocks[at.block].row(at.metric.section, at.metric.name)[at.column]


def found(behind):
    return {one.client_id: (one.balance, Fraction(one.balance) * one.rate) for one in behind.clients()}


def expected(extract, question, at):
    """Who the reference counts there: id, balance, and balance in the report's currency."""
    params = question.params
    periods = cut_into_periods(params, question.as_of, question.now)
    accounts = matching_accounts(extract, params)
    groups = shown_groups(extract, params, accounts, periods)
    by_column = params.group_by == ("package_name",)
    group, period = groups[at.column if by_column else at.block], periods[0 if by_column else at.column]
    rates = Rates(extract.exchange_rates, question.base_currency, params.currency or question.base_currency)
    day = (period.end - (period.end.resolution)).date()
    people = {}
    for account in accounts:
        balance = account.balance(period.end)
        since = {"Clients - Active": account.between(period.active_from, period.end)}.get(
            at.metric.section, account.before(period.end)
        )
        is_in = at.metric.section == "Clients - All" or any(map(is_paid, since))
        is_there = account.client.created_at < period.end
        counted = {
            "Qty": is_there,
            "Balance Pos": balance > 0,
            "Balance Neg": balance < 0,
            "Balance": is_there or bool(account.before(period.end)),
        }[at.metric.name]
        if group.includes(account, period.end) and is_in and counted:
            converted = rates.convert(balance, account.client.currency, day)
            people[account.client.client_id] = (balance, converted)
    return people


HALF_YEAR = Question(asked(*FIRST_HALF, group_by=("month",), currency="EUR"), LATER, "USD", LATER)
OWES = Place(0, next(metric for metric in COHORTS if metric.name == "Balance Neg"), 2)
"""`Clients - Active / Balance Neg` in March."""


@pytest.fixture
def report(replay):
    """Half a year of three clients; two owe money, of which one has a name that breaks out of everything."""
    replay.fill(
        world(
            client("r", client_type="reseller", name="=SUM(A1)"),
            client("a", name='Line\nbreak, "quoted", \\N and ;', owner="r"),
            replace(client("b", currency="GBP"), name=""),
            client("c", name="Никто"),
            moved("a", "2018-02-03", "usage", "-1.000001"),
            moved("b", "2018-03-31T23:59:59.999999", "usage", "-0.333333"),
            moved("c", "2018-04-01", "usage", "-9"),
            Rate("EUR", date(2018, 1, 1), Decimal("1.1")),
            Rate("GBP", date(2018, 1, 1), Decimal("1.3")),
        ),
        LATER,
    )
    yield made(replay, HALF_YEAR)
    replay.connection.rollback()


def test_each_client_is_as_it_was_with_every_digit_and_whatever_its_name(report):
    behind = clients_of_cell(report.clients, report.table, OWES)
    first, second = behind.clients()
    assert (first.client_id, first.name, first.owner, first.balance) == (
        "a",
        'Line\nbreak, "quoted", \\N and ;',
        "=SUM(A1)",
        Decimal("-1.000001"),
    )
    assert (second.name, second.owner, second.currency) == ("", None, "GBP")
    assert second.rate == Fraction(13, 11)
    assert (second.converted, second.rate_shown) == (Decimal("-0.39"), Decimal("1.181818181818"))
    assert second.last_paid_at.isoformat() == "2018-03-31T23:59:59.999999+00:00"
    assert behind.cell == Decimal("-1.30")  # -0.909… and -0.393…, rounded once
    assert behind.agrees


def test_a_client_is_found_by_a_part_of_its_name_or_id_and_nothing_is_a_pattern(report):
    at = Place(0, next(metric for metric in COHORTS if metric.section == "Clients - All"), 5)
    behind = clients_of_cell(report.clients, report.table, at)
    assert [one.client_id for one in behind.named("НИК").clients()] == ["c"]
    assert [one.client_id for one in behind.named("B").clients()] == ["a", "b"]  # Line break, and the id
    assert len(behind.named(".*")) == 0
    assert [one.client_id for one in behind.clients(1, 1)] == ["a"]


def test_clients_that_do_not_add_up_to_the_cell_are_told(report):
    other = report.table.blocks[0].cells
    wrong = tuple(tuple(Decimal("7.77") if value is not None else None for value in row) for row in other)
    table = type(report.table)(report.table.columns, (type(report.table.blocks[0])(None, wrong),))
    assert not clients_of_cell(report.clients, table, OWES).agrees


def test_more_than_a_file_can_hold_is_left_out_and_the_report_is_made_all_the_same(
    replay, report, monkeypatch
):
    monkeypatch.setattr(clients_kept, "MOST_BYTES", 100)
    without = made(replay, HALF_YEAR)
    assert without.clients is None
    assert without.table == report.table
    assert replay.connection.execute("select count(*) from billing.clients").fetchone() == (4,)


def test_a_period_of_which_nothing_is_known_has_nobody(replay, report):
    early = Question(HALF_YEAR.params, report.interval.start.at.replace(month=3), "USD", LATER)
    replay.connection.execute("update dynamics.builds set as_of = %s", [early.as_of])
    known = made(replay, early)
    behind = clients_of_cell(known.clients, known.table, Place(0, COHORTS[0], 4))
    assert (behind.cell, behind.total, len(behind)) == (None, None, 0)


def test_only_cells_that_are_there_and_have_clients_are_found(report):
    assert place(report.table, "Clients - Active/Qty", "5") == Place(0, COHORTS[0], 5)
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
            place(report.table, row, column, block)
