"""Reports a second, end to end: 500 saved queries on one schedule, CSV and XLSX, archived and mailed.

Beside it, in the same run: a plain script that makes and mails the same reports from the same marts, one after the
other. They take turns, each with the same mail server, and the script's tables are compared with ours before anything
is measured. Ours is measured with one worker, with two at once, and in a run of Dagster as a schedule starts it.
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
from benchmarks.common import furnished_home, machine, middle, note, resident_megabytes
from orchestration.connections import database_url, open_archive, smtp_url
from orchestration.deliveries.on_request import deliver
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import all_assets
from orchestration.scheduling.instance import prepare_dagster_home
from orchestration.scheduling.partitions import partition_key_of

TITLE = "500 saved queries on one schedule"
CRON, MONTHS = "0 7 * * *", 12
MOMENTS = [datetime(2026, 10, day, 7, tzinfo=UTC) for day in range(2, 30)]
"""All in one month, so that each run makes the same reports anew."""
FIRST = datetime(2025, 10, 1, tzinfo=UTC)
TAGS = (None, "retail", "wholesale", "vip", "trial", "südost", "net 30, prepaid")
CLIENT_TYPES = ("client", "calling_card")

Asked = Mapping[str, Any]


def questions(count: int) -> list[Asked]:
    """So many different questions: client type, tag, active duration."""
    all_of_them = product(range(1, 37), CLIENT_TYPES, TAGS)
    return [
        {"client_type": client_type, "tag": tag, "duration": duration}
        for duration, client_type, tag in islice(all_of_them, count)
    ]


def saved_query(number: int, asked: Asked) -> SavedQuery:
    """The question as a saved query on the one schedule."""
    return SavedQuery.model_validate(
        {
            "name": f"query_{number}",
            "title": f"Query {number}",
            "query": {
                "interval": f"last {MONTHS} months",
                "client_type": asked["client_type"],
                "client_tags": [asked["tag"]] if asked["tag"] else [],
                "active_duration": asked["duration"],
                "group_by": ["month"],
            },
            "output": {"formats": ["csv", "xlsx"]},
            "delivery": {"schedule": CRON, "send_to": [f"finance@q{number}.example.com"]},
        }
    )


def ours(asked: list[Asked], moment: datetime, workers: int = 1) -> list[float]:
    """Delivers every saved query as its steps of a run do; memory in use after each, in MB."""

    def delivered(number: int) -> float:
        with open_archive() as (archive, connection):
            query = saved_query(number, asked[number])
            _, rows = deliver(connection, archive, query, moment, generated_by="schedule")
        assert [row.state for row in rows] == ["sent"], rows
        return resident_megabytes()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(delivered, range(len(asked))))


def in_dagster(asked: list[Asked], moment: datetime) -> Callable[[], None]:
    """Define the assets of all saved queries, and return a function that delivers them in one run of Dagster.

    The run is a real one in this process, on the instance of the home.
    """
    queries = [saved_query(number, one) for number, one in enumerate(asked)]
    job = dg.Definitions(assets=all_assets(queries), jobs=[dg.define_asset_job("bench")])
    resolved = job.resolve_job_def("bench")

    def run() -> None:
        with dg.DagsterInstance.get() as instance:
            done = resolved.execute_in_process(
                instance=instance,
                partition_key=partition_key_of(queries[0], moment),
                tags={"dagster/schedule_name": "bench"},
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
        assert done.success

    return run


def script(asked: list[Asked], schema: str) -> None:
    """The same reports, plainly."""
    place = urlsplit(smtp_url())
    engine = sqlalchemy.create_engine(database_url().replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as connection, smtplib.SMTP(place.hostname or "", place.port or 25) as smtp:
        connection.execute(sqlalchemy.text(f"set search_path to {schema}"))
        for number, one in enumerate(asked):
            table = plain_script.report(connection, one, FIRST, MONTHS)
            plain_script.mail(
                smtp, f"Query {number}", f"finance@q{number}.example.com", plain_script.files(table)
            )
    engine.dispose()


def require_same_reports(asked: list[Asked], schema: str, moment: datetime) -> None:
    """Stops the benchmark when the script's numbers are not those that we keep, but for its floats."""
    engine = sqlalchemy.create_engine(database_url().replace("postgresql:", "postgresql+psycopg:", 1))
    with engine.connect() as plain, open_archive() as (archive, connection):
        plain.execute(sqlalchemy.text(f"set search_path to {schema}"))
        for number, one in enumerate(asked):
            snapshot, _ = deliver(
                connection, archive, saved_query(number, one), moment, generated_by="schedule"
            )
            tables = [
                snapshot.read("csv"),
                plain_script.files(plain_script.report(plain, one, FIRST, MONTHS))["csv"],
            ]
            kept, theirs = (list(csv.reader(io.StringIO(table.decode("utf-8-sig")))) for table in tables)
            for row, other in zip(kept, theirs, strict=True):
                for cell, its in zip(row, other, strict=True):
                    assert cell == its or abs(float(cell) - float(its)) < 0.011, (one, row, other)
    engine.dispose()


def main(*, quick: bool) -> dict[str, str]:
    """Measures, and gives each figure with what it is."""
    count, runs = (50, 1) if quick else (500, 3)
    asked = questions(count)
    some = asked[: count // 10]
    moments = iter(MOMENTS)
    with furnished_home(clients=300 if quick else 1000, months=26):
        prepare_dagster_home()
        schema = "marts"
        require_same_reports(asked[:20], schema, next(moments))
        memory: list[float] = []
        measured: dict[str, list[float]] = {"script": [], "ours": [], "two workers": []}
        for run in range(1, runs + 1):
            measured["script"].append(_seconds(lambda: script(asked, schema)))
            measured["ours"].append(_seconds(lambda: memory.extend(ours(asked, next(moments)))))
            measured["two workers"].append(_seconds(lambda: memory.extend(ours(asked, next(moments), 2))))
            note(
                f"run {run} of {runs}: {', '.join(f'{who} {each[-1]:.1f} s' for who, each in measured.items())}"
            )
        in_dagster(some[:2], next(moments))()
        paired = []
        for _ in range(runs):
            alone = _seconds(lambda: ours(some, next(moments)))
            paired.append((_seconds(in_dagster(some, next(moments))), alone))
        dagster, ratio = middle([run for run, _ in paired]), middle([alone / run for run, alone in paired])
    own, both, peer = (middle(measured[who]) for who in ("ours", "two workers", "script"))
    return {
        "machine": machine(),
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


def _seconds(work: Callable[[], None]) -> float:
    began = time.monotonic()
    work()
    return time.monotonic() - began
