"""The ways in which a query is answered, each exact: which statements of `sql/` it takes, and their parameters of time.

All clients of a type are answered by the daily marts, and by facts only for what lies between a UTC midnight and a
boundary. Packages among them are answered by the packages' months, where the periods are whole months. Some of the clients, or
other groups, are answered by these clients' months, where the periods are months or nearly so, and by facts for what lies
beside; else by their facts alone.
"""

from datetime import datetime
from typing import Any, Literal

from orchestration.reporting.days import (
    Unit,
    by_utc_months,
    near_utc_months,
    strip_beside,
    utc_day,
    utc_month,
    whole_days_and_rests,
)
from orchestration.reporting.groups import Groups
from orchestration.reporting.money import closing_date
from orchestration.reporting.periods import Period
from orchestration.reporting.resolve import Filters

Way = Literal["type", "packages", "months", "facts"]

_MONTHS = {"cohorts": "cohorts_from_spans", "spans": "spans_of_months"}
_MONTHS_AND_STRIPS = {
    "cohorts": "cohorts_from_closings",
    "closings": "cohorts_from_spans",
    "spans": "spans_of_months",
    "strip_events": "client_strip_events",
    "lapses": "client_lapses",
}


def way_of(filters: Filters, groups: Groups, known: list[Period]) -> Way:
    """Which way a query over those periods is answered."""
    if not filters.owner_ids and not filters.client_tags:
        if groups.everyone:
            return "type"
        if groups.are_packages and by_utc_months(known):
            return "packages"
    return "months" if near_utc_months(known) else "facts"


def parts_of(way: Way, known: list[Period]) -> dict[str, str]:
    """The statements of which those of a way are made."""
    match way:
        case "type":
            return {
                "cohorts": "cohorts_from_closings",
                "closings": "type_closings",
                "strip_events": "type_strip_events",
                "lapses": f"type_lapses_by_{'month' if by_utc_months(known) else 'state'}",
            }
        case "packages":
            return _MONTHS
        case "months":
            return _MONTHS if by_utc_months(known) else _MONTHS_AND_STRIPS
        case "facts":
            return {"cohorts": "client_cohorts", "spans": "spans_of_states"}


def period_parameters(known: list[Period], way: Way) -> dict[str, Any]:
    """The known periods as arrays, and the UTC days or months and the strips beside them that make them up."""
    days, rests = whole_days_and_rests(known)
    unit: Unit = utc_month if way in ("packages", "months") else utc_day
    ends = [period.end for period in known]
    closings = [strip_beside(period.end, unit) for period in known]
    month_starts = [strip_beside(period.start, unit).begin for period in known]
    # Between two periods lies one strip; the first closes none, the last opens none.
    beside = [strip_beside(known[0].start, unit), *closings]
    return {
        "periods": len(known),
        "starts": [period.start for period in known],
        "ends": ends,
        "closing_dates": [closing_date(period.end) for period in known],
        "active_since": [period.active_since for period in known],
        "first_start": known[0].start,
        "first_end": known[0].end,
        "last_end": known[-1].end,
        "lapses_apart": way == "months" and not by_utc_months(known),
        "whole_day_periods": [number for number, _, _ in days],
        "whole_day_starts": [first for _, first, _ in days],
        "whole_day_ends": [after for _, _, after in days],
        "rest_periods": [number for number, _, _ in rests],
        "rest_starts": [start for _, start, _ in rests],
        "rest_ends": [end for _, _, end in rests],
        "strip_starts": [strip.start for strip in closings],
        "strip_ends": [strip.end for strip in closings],
        "strip_signs": [strip.sign for strip in closings],
        "month_starts": month_starts,
        "month_strip_starts": [strip.start for strip in beside],
        "month_strip_ends": [strip.end for strip in beside],
        "month_strip_signs": [strip.sign for strip in beside],
        "month_strip_closes": [*range(len(known) + 1)],
        "month_strip_opens": [*range(1, len(known) + 2)],
    } | asked_at(ends if way == "facts" else [strip.begin for strip in closings])


def asked_at(closing_instants: list[datetime]) -> dict[str, Any]:
    """The instants at which states are asked for, one a period."""
    return {
        "closing_instants": closing_instants,
        "first_closing": closing_instants[0],
        "last_closing": closing_instants[-1],
    }
