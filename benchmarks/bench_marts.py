"""Builds of the marts, and reports from them, at three sizes.

A build's peer is one hand-written statement on the same server, which makes of `billing` the very rows of the mart of the
clients' months; it has no index, and answers nothing by the day. A report's peer is DuckDB, on two threads, computing the
same report from Parquet of the raw tables; every cell is compared. A ratio below 1 means that the product is faster.
"1 % changed" are one hour's new transactions of many clients, all of the transactions of 1 % of the clients, or 1 % of the
transactions anywhere in the past.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, LiteralString

from psycopg import Connection

from benchmarks.common import fresh_home, machine, middle, note
from benchmarks.peers.agreement import difference, product_report
from benchmarks.peers.duck import parquet_from_csv
from benchmarks.peers.parquet_files import ParquetPeer
from benchmarks.product import (
    ReportQuery,
    build_marts,
    database,
    ensure_schema,
    load,
    make_report,
    write_sample,
)
from benchmarks.random_questions import Question

TITLE = "Building the marts, and asking them"
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
_LITTLE = "insert into billing.packages select 'new-' || count(*), 'New ' || count(*) from billing.packages"
_CHANGES = {
    "an hour's new ones": """
        with told as (insert into dynamics.loads (as_of, source) values (%(now)s, 'an hour later'))
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
    """Measures, and gives each figure with what it is."""
    sizes = {"1 M": 10_000} if quick else {"0.1 M": 1_000, "1 M": 10_000, "10 M": 100_000}
    figures = {"machine": machine()}
    for size, clients in sizes.items():
        with fresh_home() as home, database() as connection:
            write_sample(home / "extract", clients=clients, months=_MONTHS, seed=1, until=_UNTIL)
            ensure_schema(connection)
            load(connection, home / "extract", as_of=_UNTIL)
            parquet_from_csv(home / "extract", home)
            whole, measured = _whole_builds(connection, home, runs=2 if quick else 5)
            measured |= _reports(connection, home, quick=quick)
            measured |= _changes(connection, home, 1 if quick else 5, whole)
        figures |= {f"{size}: {what}": told for what, told in measured.items()}
    return figures


def _whole_builds(connection: Connection[Any], home: Path, runs: int) -> tuple[float, dict[str, str]]:
    """Seconds of a full build, and the figures."""
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
        note(f"whole build, run {run}: {ours[-1]:.1f} s, month mart by hand {peer[-1]:.1f} s")
        second = second or _changed(connection, home, _LITTLE)
    whole = middle(ours)
    return whole, {
        "full build": f"{whole:.1f} s, median of {runs}",
        "full build / the month mart by hand": f"{whole / middle(peer):.2f}",
        "the second build ever / full build": f"{second / whole:.2f} ({second:.1f} s, once)",
        "build after nothing changed": f"{_seconds(lambda: build_marts(connection, state=home / 'dbt')):.2f} s",
    }


def _require_same_sums(connection: Connection[Any]) -> None:
    """Raise AssertionError unless the statement by hand and the marts count and sum the same."""
    found = connection.execute(_SAME_SUMS).fetchone()
    if found != (True, True):
        raise AssertionError("the month mart by hand and the marts have different sums")


def _changes(connection: Connection[Any], home: Path, runs: int, whole: float) -> dict[str, str]:
    [(count,)] = connection.execute("select count(*) / 100 from billing.transactions")
    figures = {}
    for what, change in _CHANGES.items():
        times = []
        for run in range(runs):
            hour = _UNTIL + timedelta(hours=1 + run)
            times.append(_changed(connection, home, change, now=hour, one_in_a_hundred=count, run=run))
        note(f"{what}: {', '.join(f'{seconds:.1f}' for seconds in times)} s")
        figures[f"build after {what} / full build"] = f"{middle(times) / whole:.3f} ({middle(times):.1f} s)"
    return figures


def _changed(connection: Connection[Any], home: Path, change: str, **how: Any) -> float:
    """Seconds of the build after a change."""
    connection.execute(change, how)
    connection.commit()
    return _seconds(lambda: build_marts(connection, state=home / "dbt"))


def _reports(connection: Connection[Any], home: Path, *, quick: bool) -> dict[str, str]:
    duck = ParquetPeer(home, _UNTIL)
    figures = {}
    for what, question in _QUESTIONS.items():
        asked = _with_ids(connection, question)
        query = ReportQuery.model_validate(asked.parameters())
        ours, peer = [], []
        for _ in range(3 if quick else 6):
            began = time.perf_counter()
            theirs = duck.report(asked)
            peer.append(time.perf_counter() - began)
            began = time.perf_counter()
            table = make_report(connection, query, base_currency="USD").table
            ours.append(time.perf_counter() - began)
        if found := difference(product_report(table, by_package=False), theirs):
            raise AssertionError(f"{what}: the product and DuckDB differ in {found}")
        own, other = middle(ours[1:]), middle(peer[1:])  # the first was to warm up
        note(f"{what}: {own:.3f} s, DuckDB {other:.2f} s")
        figures[f"{what} / DuckDB"] = f"{own / other:.2f}: {own * 1000:.0f} ms, DuckDB {other * 1000:.0f} ms"
    return figures


def _with_ids(connection: Connection[Any], question: Question) -> Question:
    """Replace the names of owners and packages by their ids."""

    def ids(text: LiteralString, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(found for (found,) in connection.execute(text, [list(names)]))

    return replace(
        question,
        owners=ids("select client_id from billing.clients where name = any(%s)", question.owners),
        packages=ids("select package_id from billing.packages where name = any(%s)", question.packages),
    )


def _seconds(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
