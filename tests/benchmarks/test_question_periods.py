"""Tests that the periods of benchmark questions equal those of the reference."""

import pytest
from periods import Params, cut_into_periods

from benchmarks.question_periods import microseconds, periods_of
from benchmarks.random_questions import random_questions
from benchmarks.skewed_clients import AS_OF

QUESTIONS = random_questions(150, seed=6, transactions=3000)


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_periods_are_those_of_the_reference(question):
    params = Params(
        interval=question.name or (question.first, question.last),
        timezone=question.zone,
        group_by=(question.time_group,) if question.time_group else (),
        active_duration=question.duration,
    )
    expected = cut_into_periods(params, AS_OF, AS_OF)
    known = [period for period in expected if period.is_known]
    found = periods_of(question, AS_OF)
    assert found.boundaries[:-1] == [microseconds(period.start) for period in known]
    assert found.boundaries[1:] == [microseconds(period.end) for period in known]
    assert found.active_since == [microseconds(period.active_from) for period in known]
    assert found.unknown == len(expected) - len(known)
