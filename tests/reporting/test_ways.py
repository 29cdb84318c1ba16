"""Which marts answer a query: the cheapest of the ways that are exact for it."""

from datetime import UTC, datetime

import pytest

from orchestration.reporting.groups import groups_of
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.periods import cut
from orchestration.reporting.resolve import Filters, Package
from orchestration.reporting.ways import way_of

LONG_AFTER = datetime(2030, 1, 1, tzinfo=UTC)
WITHIN_MARCH = datetime(2018, 3, 20, 12, tzinfo=UTC)
ONE, TWO = Package("p1", "One"), Package("p2", "Two")


def way(as_of=LONG_AFTER, **asked) -> str:
    query = ReportQuery.model_validate({"interval": {"from": "2018-01-01", "to": "2018-03-31"}} | asked)
    filters = Filters(
        client_tags=list(query.client_tags) or None,
        owner_ids=list(query.owners) or None,
        packages=[package for package in (ONE, TWO) if package.name in query.packages] or None,
        all_packages=[ONE, TWO],
    )
    periods = cut(query, resolve_interval(query, as_of), as_of)
    return way_of(filters, groups_of(query, filters), [period for period in periods if period.known])


@pytest.mark.parametrize("group_by", [[], ["date"], ["month"], ["year"]])
@pytest.mark.parametrize("timezone", ["UTC", "Asia/Kathmandu"])
def test_all_clients_of_a_type_are_answered_by_days(group_by, timezone):
    assert way(group_by=group_by, timezone=timezone) == "type"


@pytest.mark.parametrize("group_by", [[], ["month"], ["year"]])
def test_packages_over_whole_months_are_answered_by_their_own(group_by):
    assert way(group_by=group_by, packages=["One"]) == "packages"
    assert way(group_by=[*group_by, "package_name"]) == "packages"
    assert way(group_by=[*group_by, "package_name"], packages=["One", "Two"]) == "packages"


@pytest.mark.parametrize(
    "asked",
    [
        {"client_tags": ["vip"]},
        {"owners": ["r1"]},
        {"owners": ["r1"], "packages": ["One"]},
        {"client_tags": ["vip"], "timezone": "Asia/Kathmandu"},
        {"packages": ["One", "Two"]},
        {"packages": ["One"], "timezone": "Asia/Kathmandu"},
        {"packages": ["One"], "as_of": WITHIN_MARCH},
    ],
)
def test_some_clients_are_answered_by_their_months(asked):
    assert way(group_by=["month"], **asked) == "months"


@pytest.mark.parametrize("asked", [{"client_tags": ["vip"]}, {"packages": ["One"]}])
def test_some_clients_by_date_are_answered_by_what_they_did(asked):
    assert way(group_by=["date"], **asked) == "facts"
