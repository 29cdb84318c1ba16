"""The random extracts and questions are what they claim to be, and the reference answers them."""

from collections import Counter
from decimal import Decimal

from extract import read_csv, write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import MissingRate, reference_report
from worlds import questions, worlds

SOME = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@SOME
@given(world=worlds())
def test_any_extract_comes_back_from_its_csv_files(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extract")
    write_csv(world, folder)

    assert read_csv(folder) == world


def answer(extract, question):
    return reference_report(
        extract,
        question.params,
        as_of=question.as_of,
        base_currency=question.base_currency,
        now=question.now,
    )


@SOME
@given(data=st.data())
def test_any_question_has_an_answer_whose_cohorts_are_nested_and_add_up(data):
    extract = data.draw(worlds())
    question = data.draw(questions(extract))
    try:
        rows = answer(extract, question)
    except MissingRate:
        return

    assert {len(row) for row in rows} == {len(rows[0])}
    assert (len(rows) - 1) % 21 == 0
    names = 3 if rows[0][0] == "Package" else 2
    for first in range(1, len(rows), 21):
        for column in zip(*(row[names:] for row in rows[first : first + 21]), strict=True):
            active, overall, everyone = column[0], column[4], column[8]
            assert active == overall == everyone == "N/A" or int(active) <= int(overall) <= int(everyone)
            positive, negative, balance = (Decimal(c) if c != "N/A" else Decimal(0) for c in column[9:12])
            assert abs(positive + negative - balance) <= Decimal("0.01")


def test_the_strategies_reach_what_matters():
    """A strategy that never came here would prove little."""
    met = Counter()

    @settings(
        max_examples=1000,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(data=st.data())
    def look(data):
        extract = data.draw(worlds())
        try:
            rows = answer(extract, data.draw(questions(extract)))
        except MissingRate:
            met["missing rate"] += 1
            return
        met["blocks of packages"] += rows[0][0] == "Package" and len(rows) > 3 * 21
        met["averages"] += any("." in row[-1] for row in rows if "Active Avg" in row)
        met["nothing known"] += all(set(row[2:]) == {"N/A"} for row in rows[1:])

    look()
    assert min(met.values()) > 0
    assert len(met) == 4
