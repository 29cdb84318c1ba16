"""The engine and the plain reference agree on every cell, over random extracts and random questions (spec 2 to 7)."""

import os
from calendar import monthrange
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from extract import Extract
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from marts_replay import MartsReplay
from reference import MissingRate as ReferenceMissesRate
from reference import data_interval, reference_report
from worlds import Question, questions, worlds

from orchestration.errors import RequestError
from orchestration.reporting.engine import make_report
from orchestration.reporting.money import MissingRate
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.table import plain

EXAMPLES = int(os.environ.get("ENGINE_EXAMPLES", "200"))


@pytest.fixture
def replay(database, tmp_path):
    return MartsReplay(database, tmp_path)


@st.composite
def worlds_with_questions(draw):
    """A world, and some questions; half of them once more over whole UTC months, which the monthly mart answers."""
    world = draw(worlds())
    asked = draw(st.lists(questions(world), min_size=1, max_size=2)) if world.clients else []
    return world, [*asked, *(over_whole_months(question) for question in asked if draw(st.booleans()))]


def over_whole_months(question: Question) -> Question:
    params = question.params
    first, last = (
        when.date() if isinstance(when, datetime) else when
        for when in (
            params.interval if isinstance(params.interval, tuple) else (date(2018, 1, 5), date(2018, 12, 5))
        )
    )
    interval = first.replace(day=1), last.replace(day=monthrange(last.year, last.month)[1])
    whole = replace(
        params, interval=interval, timezone="UTC", client_tags=(), owners=(), packages=(), group_by=("month",)
    )
    return replace(question, params=whole, as_of=max(question.as_of, datetime(2030, 1, 1, tzinfo=UTC)))


def test_engine_and_reference_agree_on_every_cell(database, replay):
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        print_blob=True,
    )
    @given(worlds_with_questions())
    def agree(drawn):
        world, asked = drawn
        try:
            for question in asked:
                replay.fill(world, question.as_of)
                compare(database, world, question)
        finally:
            database.rollback()

    agree()


def compare(connection, world: Extract, question: Question) -> None:
    params = question.params
    query = ReportQuery.model_validate(
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

    def engine():
        return make_report(connection, query, base_currency=question.base_currency, moment=question.now)

    if names_nobody_or_several(world, question):
        with pytest.raises(RequestError):
            engine()
        return
    given_all = {"as_of": question.as_of, "now": question.now}
    try:
        expected = reference_report(world, params, base_currency=question.base_currency, **given_all)
    except ReferenceMissesRate as missing:
        with pytest.raises(MissingRate, match=f"of {missing.currency} for {missing.date}"):
            engine()
        return
    report = engine()
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
