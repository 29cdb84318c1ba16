"""Deliveries of 500 saved queries on one schedule, as CSV and XLSX, archived and mailed.

The peer is a script that computes and mails the same reports from the same marts, one after the
other. Both take turns in the same run and use the same mail server. The tables are compared before
anything is measured. The product is measured with one worker, with two workers, and in a run of
Dagster as a schedule starts it.
"""

import csv
import io
import smtplib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice, product
from typing import Any
from urllib.parse import urlsplit

import dagster as dg
import sqlalchemy

from benchmarks import plain_script
from benchmarks.common import describe_machine, home_with_sample, log_progress, median_of, resident_megabytes
from orchestration.connections import database_url, open_archive, smtp_url
from orchestration.deliveries.manual import deliver
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import build_all_assets
from orchestration.scheduling.instance import prepare_dagster_home
from orchestration.scheduling.partitions import format_partition_key

TITLE = "500 saved queries on one schedule"
CRON, MONTHS = "0 7 * * *", 12
MOMENTS = [datetime(2026, 10, day, 7, tzinfo=UTC) for day in range(2, 30)]
"""Moments of one month, so that each run computes the same reports."""
FIRST = datetime(2025, 10, 1, tzinfo=UTC)
TAGS = (None, "retail", "wholesale", "vip", "trial", "südost", "net 30, prepaid")
CLIENT_TYPES = ("client", "calling_card")

Parameters = Mapping[str, Any]


def make_questions(count: int) -> list[Parameters]:
    """Return `count` queries that differ in client type, tag and active duration."""
    combinations = product(range(1, 37), CLIENT_TYPES, TAGS)
    return [
        {"client_type": client_type, "tag": tag, "duration": duration}
        for duration, client_type, tag in islice(combinations, count)
    ]


def make_saved_query(number: int, parameters: Parameters) -> SavedQuery:
    """Return a saved query with these parameters, on the one schedule."""
    return SavedQuery.model_validate(
        {
            "name": f"query_{number}",
            "title": f"Query {number}",
            "query": {
                "interval": f"last {MONTHS} months",
                "client_type": parameters["client_type"],
                "client_tags": [parameters["tag"]] if parameters["tag"] else [],
                "active_duration": parameters["duration"],
                "group_by": ["month"],
            },
            "output": {"formats": ["csv", "xlsx"]},
            "delivery": {"schedule": CRON, "send_to": [f"finance@q{number}.example.com"]},
        }
    )


def deliver_all(queries: list[Parameters], moment: datetime, workers: int = 1) -> list[float]:
    """Deliver each query as a run does. Return the memory in MB after each."""

    def deliver_one(number: int) -> float:
        with open_archive() as (archive, connection):
            query = make_saved_query(number, queries[number])
            _, rows = deliver(connection, archive, query, moment, generated_by="schedule")
        assert [row.state for row in rows] == ["sent"], rows
        return resident_megabytes()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(deliver_one, range(len(queries))))


def prepare_dagster_run(queries: list[Parameters], moment: datetime) -> Callable[[], None]:
    """Define the assets of the queries, and return a function that delivers them in one run.

    The run is a real one of Dagster in this process, on the instance of the home.
    """
    saved_queries = [make_saved_query(number, parameters) for number, parameters in enumerate(queries)]
    job = dg.Definitions(assets=build_all_assets(saved_queries), jobs=[dg.define_asset_job("bench")])
    resolved = job.resolve_job_def("bench")

    def run() -> None:
        with dg.DagsterInstance.get() as instance:
            done = resolved.execute_in_process(
                instance=instance,
                partition_key=format_partition_key(saved_queries[0], moment),
                tags={"dagster/schedule_name": "bench"},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        assert done.success

    return run


def run_script(queries: list[Parameters], schema: str) -> None:
    """Compute and mail the same reports with the script."""
    server = urlsplit(smtp_url())
    engine = sqlalchemy.create_engine(database_url().replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection, smtplib.SMTP(server.hostname or "", server.port or 25) as smtp:
        connection.execute(sqlalchemy.text(f"set search_path to {schema}"))
        for number, parameters in enumerate(queries):
            table = plain_script.compute_report(connection, parameters, FIRST, MONTHS)
            plain_script.send_mail(
                smtp, f"Query {number}", f"finance@q{number}.example.com", plain_script.render_files(table)
            )
    engine.dispose()


def require_same_reports(queries: list[Parameters], schema: str, moment: datetime) -> None:
    """Raise AssertionError unless both reports are the same, apart from rounding."""
    engine = sqlalchemy.create_engine(database_url().replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as plain, open_archive() as (archive, connection):
        plain.execute(sqlalchemy.text(f"set search_path to {schema}"))
        for number, parameters in enumerate(queries):
            snapshot, _ = deliver(
                connection, archive, make_saved_query(number, parameters), moment, generated_by="schedule"
            )
            tables = [
                snapshot.read("csv"),
                plain_script.render_files(plain_script.compute_report(plain, parameters, FIRST, MONTHS))[
                    "csv"
                ],
            ]
            rows, peer_rows = (list(csv.reader(io.StringIO(table.decode("utf-8-sig")))) for table in tables)
            for row, peer_row in zip(rows, peer_rows, strict=True):
                for cell, peer_cell in zip(row, peer_row, strict=True):
                    assert cell == peer_cell or abs(float(cell) - float(peer_cell)) < 0.011, (
                        parameters,
                        row,
                        peer_row,
                    )
    engine.dispose()


def main(*, quick: bool) -> dict[str, str]:
    """Measure, and return each figure with its name."""
    count, runs = (50, 1) if quick else (500, 3)
    queries = make_questions(count)
    some = queries[: count // 10]
    moments = iter(MOMENTS)
    with home_with_sample(clients=300 if quick else 1000, months=26):
        prepare_dagster_home()
        schema = "marts"
        require_same_reports(queries[:20], schema, next(moments))
        memory: list[float] = []
        measured: dict[str, list[float]] = {"script": [], "ours": [], "two workers": []}
        for run in range(1, runs + 1):
            measured["script"].append(_seconds(lambda: run_script(queries, schema)))
            measured["ours"].append(_seconds(lambda: memory.extend(deliver_all(queries, next(moments)))))
            measured["two workers"].append(
                _seconds(lambda: memory.extend(deliver_all(queries, next(moments), 2)))
            )
            log_progress(
                f"run {run} of {runs}: {', '.join(f'{who} {each[-1]:.1f} s' for who, each in measured.items())}"
            )
        prepare_dagster_run(some[:2], next(moments))()
        paired = []
        for _ in range(runs):
            alone = _seconds(lambda: deliver_all(some, next(moments)))
            paired.append((_seconds(prepare_dagster_run(some, next(moments))), alone))
        dagster, ratio = (
            median_of([run for run, _ in paired]),
            median_of([alone / run for run, alone in paired]),
        )
    own, both, peer = (median_of(measured[who]) for who in ("ours", "two workers", "script"))
    return {
        "machine": describe_machine(),
        "reports of a run": f"{count}, {MONTHS} months each, CSV and XLSX; medians of {runs} runs",
        "reports a second, plain script": f"{count / peer:.1f}",
        "reports a second, archived and mailed, one worker": f"{count / own:.1f}",
        "reports a second, archived and mailed, two workers": f"{count / both:.1f}",
        f"reports a second, in one run of Dagster, {len(some)} of them": f"{len(some) / dagster:.1f}",
        "rate of a run of Dagster / rate of one worker, pairs of runs": f"{ratio:.2f}",
        "time of one worker / time of the script": f"{own / peer:.2f}",
        "time of two workers / time of the script": f"{both / peer:.2f}",
        "memory after the first tenth, and at the end": f"{memory[len(memory) // 10]:.0f} MB, {memory[-1]:.0f} MB",
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
