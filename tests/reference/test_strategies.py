"""The random extracts and queries are valid, and reach the cases that matter."""

from collections import Counter
from decimal import Decimal

from extract import read_csv, write_csv
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from reference import MissingRate, reference_report
from strategies import extracts, query_cases

FEW_EXAMPLES = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@FEW_EXAMPLES
@given(extract=extracts())
def test_an_extract_survives_its_csv_files(extract, tmp_path_factory):
    folder = tmp_path_factory.mktemp("extract")
    write_csv(extract, folder)

    assert read_csv(folder) == extract


def compute_reference(extract, case):
    return reference_report(
        extract,
        case.params,
        as_of=case.as_of,
        base_currency=case.base_currency,
        now=case.now,
    )


@FEW_EXAMPLES
@given(data=st.data())
def test_cohorts_are_nested_and_balances_add_up(data):
    extract = data.draw(extracts())
    case = data.draw(query_cases(extract))
    try:
        rows = compute_reference(extract, case)
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


def test_the_strategies_reach_the_cases_that_matter():
    reached = Counter()

    @settings(
        max_examples=1000,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow],
    )
    @given(data=st.data())
    def explore(data):
        extract = data.draw(extracts())
        try:
            rows = compute_reference(extract, data.draw(query_cases(extract)))
        except MissingRate:
            reached["missing rate"] += 1
            return
        reached["blocks of packages"] += rows[0][0] == "Package" and len(rows) > 3 * 21
        reached["averages"] += any("." in row[-1] for row in rows if "Active Avg" in row)
        reached["no known period"] += all(set(row[2:]) == {"N/A"} for row in rows[1:])

    explore()
    assert min(reached.values()) > 0
    assert len(reached) == 4
