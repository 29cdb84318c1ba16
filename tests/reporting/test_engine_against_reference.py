"""The engine and the plain reference agree on every cell, over random extracts and random questions (spec 2 to 7)."""

import os
from calendar import monthrange
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from unittest.mock import patch

import pytest
from edges import (
    activated_as_the_period_ends,
    charged_for_what_no_package_has_to_do_with,
    in_the_middle_of_many,
    lapsed_for_a_microsecond,
    many_packages,
    moved_before_and_after_the_first_package,
    moved_before_there_was_a_rate,
    pauses_of_a_short_month,
)
from extract import Extract, Rate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import MissingRate as ReferenceMissesRate
from reference import data_interval, reference_report
from tiny import LATER, MARCH, asked, at, client, moved, world
from worlds import Question, questions, worlds

from orchestration.errors import RequestError
from orchestration.reporting import engine, store_query
from orchestration.reporting.engine import make_report
from orchestration.reporting.money import MissingRate
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.plan import source_of
from orchestration.reporting.table import plain

YEAR = date(2018, 1, 1), date(2018, 12, 31)
EXAMPLES = int(os.environ.get("ENGINE_EXAMPLES", "200"))


@st.composite
def worlds_with_questions(draw):
    """A world, and some questions; half of them once more over whole UTC months, which the monthly marts answer."""
    world = draw(worlds())
    asked = draw(st.lists(questions(world), min_size=1, max_size=2)) if world.clients else []
    return world, [*asked, *(over_whole_months(draw, question) for question in asked if draw(st.booleans()))]


def over_whole_months(draw, question: Question) -> Question:
    params = question.params
    first, last = (
        when.date() if isinstance(when, datetime) else when
        for when in (
            params.interval if isinstance(params.interval, tuple) else (date(2018, 1, 5), date(2018, 12, 5))
        )
    )
    interval = first.replace(day=1), last.replace(day=monthrange(last.year, last.month)[1])
    everyone = {"client_tags": (), "owners": ()} if draw(st.booleans()) else {}
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
    whole = replace(params, interval=interval, timezone="UTC", group_by=group_by, **everyone)
    return replace(question, params=whole, as_of=max(question.as_of, datetime(2030, 1, 1, tzinfo=UTC)))


def test_engine_and_reference_agree_on_every_cell(replay):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    @given(worlds_with_questions(), st.sampled_from(SOURCES))
    def agree(drawn, source):
        world, asked = drawn
        try:
            for question in asked:
                replay.fill(world, question.as_of)
                with answered(by=source):
                    compare(replay.connection, world, question)
        finally:
            replay.connection.rollback()

    agree()


SOURCES = ("the plan's choice", "client events")


@contextmanager
def answered(*, by):
    """Have every report answered by the client events, or by what the plan chooses."""
    with ExitStack() as patched:
        if by == "client events":
            patched.enter_context(patch.object(store_query, "source_of", return_value=by))
        yield


@pytest.mark.parametrize(
    ("extract", "params", "as_of"),
    [
        (in_the_middle_of_many(), asked(*MARCH, client_tags=("vip",)), LATER),
        (
            in_the_middle_of_many(),
            asked(date(2018, 3, 5), date(2018, 3, 25), client_tags=("vip",)),
            LATER,
        ),
        (
            pauses_of_a_short_month(),
            asked(date(2018, 2, 1), date(2018, 4, 5), group_by=("date",), active_duration=1),
            LATER,
        ),
        (lapsed_for_a_microsecond(), asked(*MARCH, active_duration=1), at("2018-03-01T00:00:00.000001")),
        (activated_as_the_period_ends(), asked(*MARCH, packages=("One",)), LATER),
        (activated_as_the_period_ends(), asked(*MARCH, group_by=("month", "package_name")), LATER),
        (activated_as_the_period_ends(), asked(*MARCH, group_by=("package_name",)), LATER),
        (moved_before_and_after_the_first_package(), asked(*YEAR, group_by=("month", "package_name")), LATER),
        (moved_before_and_after_the_first_package(), asked(*YEAR, group_by=("year", "package_name")), LATER),
        (
            moved_before_and_after_the_first_package(),
            asked(*YEAR, group_by=("month",), packages=("Two",)),
            LATER,
        ),
        (
            moved_before_and_after_the_first_package(),
            asked(*YEAR, group_by=("month",), packages=("One", "Two"), active_duration=1),
            LATER,
        ),
        # Of a client whom nothing happened to by then, nothing is known but that it holds no package.
        (
            moved_before_and_after_the_first_package(),
            asked(date(2016, 1, 1), date(2016, 12, 31), group_by=("month", "package_name")),
            LATER,
        ),
        # In Kathmandu March is over by then, in UTC not yet.
        (
            activated_as_the_period_ends(),
            asked(
                date(2018, 3, 1),
                date(2018, 4, 30),
                packages=("One",),
                group_by=("month",),
                timezone="Asia/Kathmandu",
            ),
            LATER,
        ),
        (charged_for_what_no_package_has_to_do_with(), asked(*MARCH, packages=("One",)), LATER),
        (
            moved_before_there_was_a_rate("package_renewal", "-8", "p1"),
            asked(*MARCH, packages=("One",)),
            LATER,
        ),
        (moved_before_there_was_a_rate("refill", "8"), asked(*MARCH, packages=("One",)), LATER),
        (moved_before_there_was_a_rate("refill", "8"), asked(*MARCH), LATER),
    ],
)
def test_engine_and_reference_agree_where_an_instant_decides(replay, extract, params, as_of):
    replay.fill(extract, as_of)
    for source in SOURCES:
        with answered(by=source):
            compare(replay.connection, extract, Question(params, as_of, "USD", LATER))
    replay.connection.rollback()


NOON = at("2018-03-20T12:00")
MORNING = (
    client("a"),
    client("b", created="2018-03-20T11:59:59"),
    moved("a", "2018-03-20T09:00", "usage", "-2"),
)


@pytest.mark.parametrize(
    ("later", "source"),
    [
        ((), "daily marts"),
        ((client("c", client_type="reseller", created="2018-03-20T13:00"),), "daily marts"),
        ((moved("a", "2018-03-21", "refill", "9"),), "daily marts"),
        ((moved("a", "2018-03-20T12:00", "refill", "9"),), "client events"),
        ((moved("a", "2018-03-20T23:59:59.999999", "usage", "-9"),), "client events"),
        ((client("c", created="2018-03-20T13:00"),), "client events"),
    ],
)
def test_data_that_ends_within_a_day_is_reported_from_the_right_source(replay, later, source):
    extract = world(*MORNING, *later)
    replay.fill(extract, NOON)
    chosen = []

    def noted(*arguments):
        chosen.append(source_of(*arguments))
        return chosen[-1]

    with patch.object(store_query, "source_of", noted):
        for parameters in ({"group_by": ("date",)}, {"group_by": ("month",), "active_duration": 1}, {}):
            compare(replay.connection, extract, Question(asked(*MARCH, **parameters), NOON, "USD", LATER))
    assert set(chosen) == {source}
    replay.connection.rollback()


@pytest.fixture
def a_group_at_a_time(monkeypatch):
    monkeypatch.setattr(engine, "_AT_ONCE", 1)


@pytest.mark.parametrize("group_by", [("date", "package_name"), ("package_name",)])
@pytest.mark.parametrize("currency", ["USD", "EUR"])
def test_a_report_that_is_summed_a_group_at_a_time_is_the_same(replay, a_group_at_a_time, group_by, currency):
    extract = many_packages(
        *(Rate(name, date(2018, 1, 1), Decimal(rate)) for name, rate in (("EUR", "1.3"), ("GBP", "0.7")))
    )
    replay.fill(extract, LATER)
    compare(
        replay.connection,
        extract,
        Question(asked(*MARCH, group_by=group_by, currency=currency), LATER, "USD", LATER),
    )
    replay.connection.rollback()


def test_the_first_date_without_a_rate_is_told_whichever_group_needs_it(replay, a_group_at_a_time):
    """The third package needs pounds from its 3 March on; `No package`, which is summed last, from the 1st."""
    extract = many_packages(
        Rate("EUR", date(2018, 3, 1), Decimal(1)),
        Rate("GBP", date(2018, 3, 5), Decimal(1)),
    )
    replay.fill(extract, LATER)
    with pytest.raises(MissingRate, match="of GBP for 2018-03-01"):
        made(replay, ("date", "package_name"))
    replay.connection.rollback()


def test_who_waits_for_a_large_report_is_told_of_its_groups(replay, a_group_at_a_time):
    replay.fill(many_packages(*(Rate(name, date(2018, 1, 1), Decimal(1)) for name in ("EUR", "GBP"))), LATER)
    told = []
    made(replay, ("month", "package_name"), progress=lambda *words: told.append(words))
    assert told == [("computing", number, 8) for number in range(8)]
    replay.connection.rollback()


def made(replay, group_by, **options):
    query = asked_query(asked(*MARCH, group_by=group_by))
    return make_report(replay.connection, query, base_currency="USD", moment=LATER, **options)


def asked_query(params) -> ReportQuery:
    """The reference's parameters as the product takes them."""
    return ReportQuery.model_validate(
        {
            "interval": params.interval
            if isinstance(params.interval, str)
            else {"from": params.interval[0], "to": params.interval[1]},
            "timezone": params.timezone,
            "client_type": params.client_type,
            "client_tags": params.client_tags,
            "owners": params.owners,
            "packages": params.packages,
            "group_by": params.group_by,
            "currency": params.currency,
            "active_duration": params.active_duration,
        }
    )


def compare(connection, world: Extract, question: Question) -> None:
    params = question.params
    query = asked_query(params)

    def computed():
        return make_report(connection, query, base_currency=question.base_currency, moment=question.now)

    if names_nobody_or_several(world, question):
        with pytest.raises(RequestError):
            computed()
        return
    given_all = {"as_of": question.as_of, "now": question.now}
    try:
        expected = reference_report(world, params, base_currency=question.base_currency, **given_all)
    except ReferenceMissesRate as missing:
        with pytest.raises(MissingRate, match=f"of {missing.currency} for {missing.date}"):
            computed()
        return
    report = computed()
    header = report.table.header()
    rows = [[*texts, *map(plain, cells)] for texts, _, cells in report.table.rows()]
    assert [without_apostrophes(row) for row in expected] == [header, *rows]
    assert report.data_interval == data_interval(world, params, **given_all)


def without_apostrophes(row: list[str]) -> list[str]:
    """The reference writes CSV cells; neutralising text is the renderer's work, and tested there."""
    return [cell[1:] if cell[:1] == "'" and cell[1:2] in "=+-@\t\r" else cell for cell in row]


def names_nobody_or_several(world: Extract, question: Question) -> bool:
    """Whether the question names two resellers or packages by one name, or a currency that no row knows."""

    def ambiguous(names, rows) -> bool:
        ids = {row[0] for row in rows}
        return any(name not in ids and [row[1] for row in rows].count(name) != 1 for name in names)

    params = question.params
    resellers = [(c.client_id, c.name) for c in world.clients if c.client_type == "reseller"]
    known = {rate.currency for rate in world.exchange_rates} | {client.currency for client in world.clients}
    return (
        ambiguous(params.owners, resellers)
        or ambiguous(params.packages, [(p.package_id, p.name) for p in world.packages])
        or (params.currency or question.base_currency) not in known | {question.base_currency}
    )
