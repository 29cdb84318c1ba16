"""Builds of the marts, and reports from them, at three sizes.

The peer of a build is one hand-written statement on the same server. It computes the balances and
the flows of each client and month from `billing`, without an index and without sums by day. The
peer of a report is DuckDB on two threads, which computes the same report from Parquet of the raw
tables. Every cell is compared. A ratio below 1 means that the product is faster.

A change is one of three: the new transactions of one hour, all transactions of 1 % of the clients,
or 1 % of the transactions anywhere in the past.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

from psycopg import Connection

from benchmarks.common import describe_machine, fresh_home, log_progress, median_of
from benchmarks.peers.agreement import difference, product_report
from benchmarks.peers.duck import parquet_from_csv
from benchmarks.peers.parquet_files import ParquetPeer
from benchmarks.product import (
    ReportQuery,
    build_marts,
    compute_report,
    database,
    ensure_schema,
    load,
    write_sample,
)
from benchmarks.random_questions import Question

TITLE = "Builds of the marts, and reports from them"
_MONTHS = 25
_UNTIL = datetime(2026, 11, 1, tzinfo=UTC)
_YEAR = Question(first=date(2025, 11, 1), last=date(2026, 10, 31), time_group="month")
_QUESTIONS = {
    "12 months, client type only, any active duration": _YEAR,
    "the same, active duration 7": replace(_YEAR, duration=7),
    "the same, one owner": replace(_YEAR, owners=("Northline Telecom",)),
    "the same, one package": replace(_YEAR, packages=("Unlimited 870",)),
    "the same, two tags of six clients in ten, duration 7, Asia/Kathmandu": replace(
        _YEAR, tags=("retail", "vip"), duration=7, zone="Asia/Kathmandu"
    ),
    "by date over one year, UTC": replace(_YEAR, time_group="date"),
}
_MONTH_MART = Path(__file__).with_name("month_mart.sql")
_SAME_SUMS = """
    select
        (select sum(refill_quantity + usage_quantity) from hand_written)
            = (select sum(quantity) from marts.mart_flows_daily where kind in ('refill', 'usage')),
        (select sum(balance) from hand_written where until_month is null)
            = (select sum(balance) from marts.fct_client_events where valid_to is null)
"""
_NEW_PACKAGE = (
    "insert into billing.packages select 'new-' || count(*), 'New ' || count(*) from billing.packages"
)
_CHANGES = {
    "an hour of new transactions": """
        with new_load as (insert into dynamics.loads (as_of, source) values (%(now)s, 'an hour later'))
        insert into billing.transactions
        select
            'new-' || %(run)s || '-' || row_number() over (), client_id,
            %(now)s - random() * interval '1 hour', 'usage', -1, null, %(now)s, null
        from (select client_id from billing.transactions order by md5(transaction_id) limit %(one_in_a_hundred)s) as chosen
    """,
    "1 % of the clients rerated": """
        update billing.transactions set amount = amount * 1.1, updated_at = %(now)s
        where client_id in (select client_id from billing.clients where abs(mod(hashtext(client_id), 100)) = 7)
    """,
    "1 % anywhere rerated": """
        update billing.transactions set amount = amount * 1.1, updated_at = %(now)s
        where abs(mod(hashtext(transaction_id), 100)) = 7
    """,
}


def main(*, quick: bool) -> dict[str, str]:
    """Measure, and return each figure with its name."""
    sizes = {"1 M": 10_000} if quick else {"0.1 M": 1_000, "1 M": 10_000, "10 M": 100_000}
    figures = {"machine": describe_machine()}
    for size, clients in sizes.items():
        with fresh_home() as home, database() as connection:
            write_sample(home / "extract", clients=clients, months=_MONTHS, seed=1, until=_UNTIL)
            ensure_schema(connection)
            load(connection, home / "extract", as_of=_UNTIL)
            parquet_from_csv(home / "extract", home)
            full_seconds, measured = _measure_full_builds(connection, home, runs=2 if quick else 5)
            measured |= _measure_reports(connection, home, quick=quick)
            measured |= _measure_changes(connection, home, 1 if quick else 5, full_seconds)
        figures |= {f"{size}: {name}": figure for name, figure in measured.items()}
    return figures


def _measure_full_builds(connection: Connection[Any], home: Path, runs: int) -> tuple[float, dict[str, str]]:
    """Return the seconds of a full build, and the figures."""
    ours, peer, second = [], [], 0.0
    by_hand = _MONTH_MART.read_text(encoding="utf-8")
    for run in range(1, runs + 1):
        connection.execute("set work_mem = '256MB'; set parallel_tuple_cost = 0.01; set jit = off")
        peer.append(_seconds(lambda: connection.execute(by_hand)))
        connection.commit()
        ours.append(_seconds(lambda: build_marts(connection, state=home / "dbt", full_refresh=True)))
        _require_same_sums(connection)
        connection.execute("drop table hand_written")
        connection.commit()
        log_progress(f"full build, run {run}: {ours[-1]:.1f} s, hand-written statement {peer[-1]:.1f} s")
        second = second or _change_and_build(connection, home, _NEW_PACKAGE)
    full_seconds = median_of(ours)
    return full_seconds, {
        "full build": f"{full_seconds:.1f} s, median of {runs}",
        "full build / the hand-written statement": f"{full_seconds / median_of(peer):.2f}",
        "first incremental build / full build": f"{second / full_seconds:.2f} ({second:.1f} s, once)",
        "build without a change": f"{_seconds(lambda: build_marts(connection, state=home / 'dbt')):.2f} s",
    }


def _require_same_sums(connection: Connection[Any]) -> None:
    """Raise AssertionError unless the hand-written statement and the marts have the same sums."""
    same_sums = connection.execute(_SAME_SUMS).fetchone()
    if same_sums != (True, True):
        raise AssertionError("the hand-written statement and the marts have different sums")


def _measure_changes(
    connection: Connection[Any], home: Path, runs: int, full_seconds: float
) -> dict[str, str]:
    [(count,)] = connection.execute("select count(*) / 100 from billing.transactions")
    figures = {}
    for name, change in _CHANGES.items():
        times = []
        for run in range(runs):
            hour = _UNTIL + timedelta(hours=1 + run)
            times.append(
                _change_and_build(connection, home, change, now=hour, one_in_a_hundred=count, run=run)
            )
        log_progress(f"{name}: {', '.join(f'{seconds:.1f}' for seconds in times)} s")
        figures[f"build after {name} / full build"] = (
            f"{median_of(times) / full_seconds:.3f} ({median_of(times):.1f} s)"
        )
    return figures


def _change_and_build(connection: Connection[Any], home: Path, change: str, **parameters: Any) -> float:
    """Apply a change, and return the seconds of the build after it."""
    connection.execute(change, parameters)
    connection.commit()
    return _seconds(lambda: build_marts(connection, state=home / "dbt"))


def _measure_reports(connection: Connection[Any], home: Path, *, quick: bool) -> dict[str, str]:
    duck = ParquetPeer(home, _UNTIL)
    figures = {}
    for what, question in _QUESTIONS.items():
        question_with_ids = _with_ids(connection, question)
        query = ReportQuery.model_validate(question_with_ids.parameters())
        ours, peer = [], []
        for _ in range(3 if quick else 6):
            began = time.perf_counter()
            theirs = duck.report(question_with_ids)
            peer.append(time.perf_counter() - began)
            began = time.perf_counter()
            table = compute_report(connection, query, base_currency="USD").table
            ours.append(time.perf_counter() - began)
        first_difference = difference(product_report(table, by_package=False), theirs)
        if first_difference:
            raise AssertionError(f"{what}: the product and DuckDB differ in {first_difference}")
        own, other = median_of(ours[1:]), median_of(peer[1:])  # the first warms up the caches
        log_progress(f"{what}: {own:.3f} s, DuckDB {other:.2f} s")
        figures[f"{what} / DuckDB"] = f"{own / other:.2f}: {own * 1000:.0f} ms, DuckDB {other * 1000:.0f} ms"
    return figures


def _with_ids(connection: Connection[Any], question: Question) -> Question:
    """Replace the names of owners and packages by their ids."""

    def ids(text: LiteralString, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(row_id for (row_id,) in connection.execute(text, [list(names)]))

    return replace(
        question,
        owners=ids("select client_id from billing.clients where name = any(%s)", question.owners),
        packages=ids("select package_id from billing.packages where name = any(%s)", question.packages),
    )


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
