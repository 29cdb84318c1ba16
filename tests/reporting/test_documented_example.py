"""The example data of the documentation gives the tables that the documentation shows."""

import csv
import re
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from builders import LATER, client, compute_rows, make_extract, make_params, transaction
from engine_cases import SOURCES, assert_same_report, forced_source, make_report_query
from extract import Package, Rate
from reference import data_interval
from strategies import QueryCase

from orchestration.builds.store import current_build
from orchestration.reporting.groups import list_groups
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.name_lookup import resolve_filters
from orchestration.reporting.periods import list_periods
from orchestration.reporting.plan import Source
from orchestration.reporting.store_query import StoreQuery

DOCS = Path(__file__).parents[2] / "docs"
DEFINITION = (DOCS / "reference/report-definition.md").read_text(encoding="utf-8")
EXPLANATION = (DOCS / "explanation/report.md").read_text(encoding="utf-8")


def read_table(text, *header):
    """Return the rows of the Markdown table with this header."""
    lines = iter(text.splitlines())
    assert any(split_row(line) == [*header] for line in lines if line.startswith("|")), header
    next(lines)
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append(split_row(line))
    return rows


def split_row(line):
    return [cell.strip() for cell in line.strip("|").split("|")]


def example_extract():
    clients = read_table(DEFINITION, "client", "type", "currency", "created at (UTC)")
    transactions = read_table(DEFINITION, "client", "occurred at (UTC)", "kind", "amount", "package")
    rates = re.findall(r"([\d.]+) USD\s+from\s+(\d{4}-\d{2}-\d{2})", DEFINITION)
    assert (len(clients), len(transactions), len(rates)) == (3, 5, 2)
    return make_extract(
        Package("Basic", "Basic"),
        *(
            client(name, client_type=client_type, currency=currency, created=created)
            for name, client_type, currency, created in clients
        ),
        *(
            transaction(name, when, kind, amount, package or None)
            for name, when, kind, amount, package in transactions
        ),
        *(Rate("EUR", date.fromisoformat(day), Decimal(rate)) for rate, day in rates),
    )


EXTRACT = example_extract()
PARAMS = make_params(date(2018, 1, 1), date(2018, 4, 30), group_by=("month",), active_duration=1)


def test_the_reference_computes_the_documented_report():
    (block,) = re.findall(r"```csv\n(.*?)```", DEFINITION, re.DOTALL)
    assert compute_rows(EXTRACT, PARAMS) == list(csv.reader(block.splitlines()))


def test_the_data_interval_is_documented():
    first, last = data_interval(EXTRACT, PARAMS, as_of=LATER, now=LATER)
    assert f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC" in DEFINITION


@pytest.mark.parametrize("source", SOURCES)
def test_the_engine_computes_the_documented_report(replay, source):
    replay.fill(EXTRACT, LATER)
    with forced_source(source):
        assert_same_report(replay.connection, EXTRACT, QueryCase(PARAMS, LATER, "USD", LATER))
    replay.connection.rollback()


@pytest.fixture
def store_query(replay):
    """Yield the query of the example, answered by the client events."""
    replay.fill(EXTRACT, LATER)
    query = make_report_query(PARAMS)
    with current_build(replay.connection) as build, forced_source(Source.CLIENT_EVENTS):
        filters = resolve_filters(build, query, "USD")
        periods = list_periods(query, resolve_interval(query, LATER), build.as_of)
        store_query = StoreQuery(build, query, filters, list_groups(query, filters), periods)
        with store_query.cursor:
            yield store_query
    replay.connection.rollback()


def test_the_states_are_documented(store_query):
    header = ("client", "currency", "balance", "first_period", "last_period", "last_active_period")
    store_query.sums()
    states = store_query.cursor.execute(
        "select name, clients.currency, balance, first_period, last_period, last_active_period"
        " from states inner join clients using (client)"
    ).fetchall()
    documented = read_table(EXPLANATION, *header)
    assert sorted(map(as_documented, states)) == sorted(documented)


def as_documented(state):
    *values, last_active_period = state
    activity = "null: never paid" if last_active_period is None else str(last_active_period)
    return [*(format_number(value) for value in values), activity]


def test_the_cohort_changes_are_documented(store_query):
    header = ("sign", "period", "currency", "cohort set", "balance sign", "clients", "balance", "because")
    changes = store_query.sums().changes.to_pylist()
    computed = [
        [
            f"{row['sign']:+}",
            *(str(row[name]) for name in ("period", "currency", "cohort_set")),
            {1: "+", 0: "0", -1: "-"}[row["balance_sign"]],
            str(row["clients"]),
            format_number(row["balance"]),
        ]
        for row in changes
    ]
    assert sorted(computed) == sorted(row[:-1] for row in read_table(EXPLANATION, *header))


def test_the_flows_are_documented(store_query):
    header = ("period", "kind", "currency", "UTC day", "quantity", "amount")
    flows = store_query.sums().flows.to_pylist()
    epoch = date(1970, 1, 1).toordinal()
    computed = [
        [
            *(str(row[name]) for name in ("period", "kind", "currency")),
            str(date.fromordinal(epoch + row["utc_day"])),
            str(row["quantity"]),
            format_number(row["amount"]),
        ]
        for row in flows
        if row["kind"] != "created"
    ]
    assert sorted(computed) == sorted(read_table(EXPLANATION, *header))


def format_number(value):
    return str(int(value)) if isinstance(value, Decimal) else str(value)
