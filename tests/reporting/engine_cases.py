"""Helpers that compare the engine with the reference."""

from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import pytest
from extract import Extract
from reference import MissingRate as ReferenceMissingRate
from reference import data_interval, reference_report
from strategies import QueryCase

from orchestration.errors import RequestError
from orchestration.reporting import store_query
from orchestration.reporting.engine import compute_report
from orchestration.reporting.money import MissingRate
from orchestration.reporting.parameters import ReportQuery
from orchestration.reporting.plan import Source
from orchestration.reporting.table import format_cell

SOURCES = (None, Source.CLIENT_EVENTS)
"""Sources that answer every query. None is the choice of the plan."""


@contextmanager
def forced_source(source):
    """Compute every report in the block from `source`, or from the plan's choice if it is None."""
    patched = patch.object(store_query, "choose_source", return_value=source) if source else nullcontext()
    with patched:
        yield


def make_report_query(params) -> ReportQuery:
    """Return the query of the product with the parameters of the reference."""
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


def assert_same_report(connection, extract: Extract, case: QueryCase) -> None:
    """Compare the engine's report, or its error, with that of the reference."""
    params = case.params
    query = make_report_query(params)

    def compute():
        return compute_report(connection, query, base_currency=case.base_currency, moment=case.now)

    if has_unresolvable_name(extract, case):
        with pytest.raises(RequestError):
            compute()
        return
    instants = {"as_of": case.as_of, "now": case.now}
    try:
        expected = reference_report(extract, params, base_currency=case.base_currency, **instants)
    except ReferenceMissingRate as missing:
        with pytest.raises(MissingRate, match=f"of {missing.currency} for {missing.date}"):
            compute()
        return
    report = compute()
    rows = [[*texts, *map(format_cell, cells)] for texts, _, cells in report.table.rows()]
    assert [strip_apostrophes(row) for row in expected] == [report.table.header(), *rows]
    assert report.data_interval == data_interval(extract, params, **instants)


def strip_apostrophes(row: list[str]) -> list[str]:
    """Return cells as the table has them. The reference writes CSV, which protects formulas."""
    return [cell[1:] if cell[:1] == "'" and cell[1:2] in "=+-@\t\r" else cell for cell in row]


def has_unresolvable_name(extract: Extract, case: QueryCase) -> bool:
    """Return True if a reseller, package or currency of the query is ambiguous or unknown."""

    def is_unresolvable(names, pairs) -> bool:
        ids = {key for key, _ in pairs}
        return any(
            name not in ids and [display_name for _, display_name in pairs].count(name) != 1 for name in names
        )

    params = case.params
    resellers = [(c.client_id, c.name) for c in extract.clients if c.client_type == "reseller"]
    currencies = {rate.currency for rate in extract.exchange_rates}
    currencies |= {client.currency for client in extract.clients} | {case.base_currency}
    return (
        is_unresolvable(params.owners, resellers)
        or is_unresolvable(params.packages, [(p.package_id, p.name) for p in extract.packages])
        or (params.currency or case.base_currency) not in currencies
    )
