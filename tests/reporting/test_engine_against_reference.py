"""The engine and the reference agree on every cell, for random extracts and queries."""

import os
from calendar import monthrange
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from unittest.mock import patch

import pytest
from boundary_cases import (
    activated_at_the_period_end,
    active_before_the_first_package,
    charged_outside_its_package,
    few_transactions_among_many,
    lapsed_for_a_microsecond,
    many_packages,
    pauses_of_a_short_month,
    transaction_before_the_first_rate,
)
from builders import LATER, MARCH, client, make_extract, make_params, transaction, utc
from engine_cases import SOURCES, assert_same_report, forced_source, make_report_query
from extract import Rate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import QueryCase, extracts, query_cases

from orchestration.reporting import engine, store_query
from orchestration.reporting.engine import compute_report
from orchestration.reporting.money import MissingRate
from orchestration.reporting.plan import Source, choose_source

YEAR = date(2018, 1, 1), date(2018, 12, 31)
EXAMPLES = int(os.environ.get("ENGINE_EXAMPLES", "200"))


@st.composite
def extracts_with_cases(draw):
    """Draw an extract and some queries of it, half of them also over whole UTC months."""
    extract = draw(extracts())
    cases = draw(st.lists(query_cases(extract), min_size=1, max_size=2)) if extract.clients else []
    return extract, [*cases, *(over_whole_months(draw, case) for case in cases if draw(st.booleans()))]


def over_whole_months(draw, case: QueryCase) -> QueryCase:
    """Return the query over whole UTC months, which the daily marts can answer."""
    params = case.params
    first, last = (
        when.date() if isinstance(when, datetime) else when
        for when in (
            params.interval if isinstance(params.interval, tuple) else (date(2018, 1, 5), date(2018, 12, 5))
        )
    )
    interval = first.replace(day=1), last.replace(day=monthrange(last.year, last.month)[1])
    if draw(st.booleans()):
        params = replace(params, client_tags=(), owners=())
    group_by = draw(
        st.sampled_from(
            [
                ("month",),
                ("month", "package_name"),
                ("year",),
                ("year", "package_name"),
                ("package_name",),
                (),
            ]
        )
    )
    params = replace(params, interval=interval, timezone="UTC", group_by=group_by)
    return replace(case, params=params, as_of=max(case.as_of, datetime(2030, 1, 1, tzinfo=UTC)))


def test_engine_and_reference_agree_on_every_cell(replay):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    @given(extracts_with_cases(), st.sampled_from(SOURCES))
    def agree(drawn, source):
        extract, cases = drawn
        try:
            for case in cases:
                replay.fill(extract, case.as_of)
                with forced_source(source):
                    assert_same_report(replay.connection, extract, case)
        finally:
            replay.connection.rollback()

    agree()


@pytest.mark.parametrize(
    ("extract", "params", "as_of"),
    [
        (few_transactions_among_many(), make_params(*MARCH, client_tags=("vip",)), LATER),
        (
            few_transactions_among_many(),
            make_params(date(2018, 3, 5), date(2018, 3, 25), client_tags=("vip",)),
            LATER,
        ),
        (
            pauses_of_a_short_month(),
            make_params(date(2018, 2, 1), date(2018, 4, 5), group_by=("date",), active_duration=1),
            LATER,
        ),
        (
            lapsed_for_a_microsecond(),
            make_params(*MARCH, active_duration=1),
            utc("2018-03-01T00:00:00.000001"),
        ),
        (activated_at_the_period_end(), make_params(*MARCH, packages=("One",)), LATER),
        (activated_at_the_period_end(), make_params(*MARCH, group_by=("month", "package_name")), LATER),
        (activated_at_the_period_end(), make_params(*MARCH, group_by=("package_name",)), LATER),
        (active_before_the_first_package(), make_params(*YEAR, group_by=("month", "package_name")), LATER),
        (active_before_the_first_package(), make_params(*YEAR, group_by=("year", "package_name")), LATER),
        (
            active_before_the_first_package(),
            make_params(*YEAR, group_by=("month",), packages=("Two",)),
            LATER,
        ),
        (
            active_before_the_first_package(),
            make_params(*YEAR, group_by=("month",), packages=("One", "Two"), active_duration=1),
            LATER,
        ),
        # The clients have no event before the end of the interval. They are in `No package`.
        (
            active_before_the_first_package(),
            make_params(date(2016, 1, 1), date(2016, 12, 31), group_by=("month", "package_name")),
            LATER,
        ),
        # At the activation, March is over in Kathmandu, and not yet in UTC.
        (
            activated_at_the_period_end(),
            make_params(
                date(2018, 3, 1),
                date(2018, 4, 30),
                packages=("One",),
                group_by=("month",),
                timezone="Asia/Kathmandu",
            ),
            LATER,
        ),
        (charged_outside_its_package(), make_params(*MARCH, packages=("One",)), LATER),
        (
            transaction_before_the_first_rate("package_renewal", "-8", "p1"),
            make_params(*MARCH, packages=("One",)),
            LATER,
        ),
        (transaction_before_the_first_rate("refill", "8"), make_params(*MARCH, packages=("One",)), LATER),
        (transaction_before_the_first_rate("refill", "8"), make_params(*MARCH), LATER),
    ],
)
def test_engine_and_reference_agree_at_boundaries(replay, extract, params, as_of):
    replay.fill(extract, as_of)
    for source in SOURCES:
        with forced_source(source):
            assert_same_report(replay.connection, extract, QueryCase(params, as_of, "USD", LATER))
    replay.connection.rollback()


NOON = utc("2018-03-20T12:00")
MORNING = (
    client("a"),
    client("b", created="2018-03-20T11:59:59"),
    transaction("a", "2018-03-20T09:00", "usage", "-2"),
)


@pytest.mark.parametrize(
    ("later_rows", "source"),
    [
        ((), Source.DAILY_MARTS),
        ((client("c", client_type="reseller", created="2018-03-20T13:00"),), Source.DAILY_MARTS),
        ((transaction("a", "2018-03-21", "refill", "9"),), Source.DAILY_MARTS),
        ((transaction("a", "2018-03-20T12:00", "refill", "9"),), Source.CLIENT_EVENTS),
        ((transaction("a", "2018-03-20T23:59:59.999999", "usage", "-9"),), Source.CLIENT_EVENTS),
        ((client("c", created="2018-03-20T13:00"),), Source.CLIENT_EVENTS),
    ],
)
def test_the_source_is_exact_when_data_ends_within_a_day(replay, later_rows, source):
    extract = make_extract(*MORNING, *later_rows)
    replay.fill(extract, NOON)
    choices = []

    def record_choice(*arguments):
        choices.append(choose_source(*arguments))
        return choices[-1]

    with patch.object(store_query, "choose_source", record_choice):
        for parameters in ({"group_by": ("date",)}, {"group_by": ("month",), "active_duration": 1}, {}):
            case = QueryCase(make_params(*MARCH, **parameters), NOON, "USD", LATER)
            assert_same_report(replay.connection, extract, case)
    assert set(choices) == {source}
    replay.connection.rollback()


@pytest.fixture
def batches_of_one_group(monkeypatch):
    monkeypatch.setattr(engine, "MAX_COLUMNS_PER_BATCH", 1)


@pytest.mark.parametrize("group_by", [("date", "package_name"), ("package_name",)])
@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_batches_of_groups_do_not_change_the_report(replay, batches_of_one_group, group_by, currency):
    extract = many_packages(
        *(Rate(name, date(2018, 1, 1), Decimal(rate)) for name, rate in (("EUR", "1.3"), ("GBP", "0.7")))
    )
    replay.fill(extract, LATER)
    params = make_params(*MARCH, group_by=group_by, currency=currency)
    assert_same_report(replay.connection, extract, QueryCase(params, LATER, "USD", LATER))
    replay.connection.rollback()


def test_the_first_date_without_a_rate_is_that_of_any_group(replay, batches_of_one_group):
    """The third package needs pounds from 3 March, and `No package`, the last, from 1 March."""
    extract = many_packages(
        Rate("EUR", date(2018, 3, 1), Decimal(1)),
        Rate("GBP", date(2018, 3, 5), Decimal(1)),
    )
    replay.fill(extract, LATER)
    with pytest.raises(MissingRate, match="of GBP for 2018-03-01"):
        compute(replay, ("date", "package_name"))
    replay.connection.rollback()


def test_progress_counts_the_groups(replay, batches_of_one_group):
    replay.fill(many_packages(*(Rate(name, date(2018, 1, 1), Decimal(1)) for name in ("EUR", "GBP"))), LATER)
    calls = []
    compute(replay, ("month", "package_name"), progress=lambda *call: calls.append(call))
    assert calls == [("computing", number, 8) for number in range(8)]
    replay.connection.rollback()


def compute(replay, group_by, **options):
    query = make_report_query(make_params(*MARCH, group_by=group_by))
    return compute_report(replay.connection, query, base_currency="USD", moment=LATER, **options)
