"""Workers to kill: a process that forks one worker for each line of its standard input.

A line is a WorkerOrder (`fault_scenario.py`) as JSON. The answers are the worker's process id,
`paused` each time the worker stops itself, and `exit CODE` or `signal NUMBER` at its end. The
report is prepared and its files are small. The code from the occurrence to the mailbox is the
product's own, and the servers are real.
"""

# ruff: noqa: T201 - the host reads standard output

import json
import os
import signal
import sys
import traceback
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial, wraps
from itertools import count
from threading import get_ident

import psycopg

from orchestration import snapshots
from orchestration.archive import index
from orchestration.connections import object_store, open_archive
from orchestration.deliveries import mail_queue, manual, report_delivery, report_generation
from orchestration.errors import DynamicsError
from orchestration.mailing import outbox
from orchestration.mailing.transport import Transport
from orchestration.object_store import ObjectStore
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.report import Report
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit
from orchestration.saved_queries.saved_query import SavedQuery

MAX_SECONDS = 60
"""A worker that takes longer is ended by its alarm, and its test fails."""
STEPS = {
    "report": (report_generation, "compute_report"),
    "put": (ObjectStore, "put_new"),
    "record": (index, "add_entry"),
    "check": (report_delivery, "require_consistent"),
    "queue": (outbox, "queue"),
    "claim": (outbox, "claim"),
    "sending": (outbox, "mark_sending"),
    "send": (Transport, "send"),
    "settle": (outbox, "settle"),
}
"""The functions where a worker can be stopped, in the order of the calls."""


def create_empty_report(connection, query, *, base_currency, moment, with_clients, progress=None):
    """Return a report without any transactions."""
    cells = tuple((0,) if metric.unit is Unit.QUANTITY else (None,) for metric in METRICS)
    return Report(
        query=query.model_copy(update={"currency": base_currency}),
        interval=resolve_interval(query, moment),
        table=ReportTable(("Total",), (Block(None, cells),)),
        as_of=datetime(2100, 1, 1, tzinfo=UTC),
        build_id=1,
        data_interval=None,
        computed_in=timedelta(),
    )


@contextmanager
def prepare(timeout=0.4):
    """Use reports without marts, files of a few bytes, and a short timeout for the mail server."""
    replacements = [
        (report_generation, "compute_report", create_empty_report),
        (snapshots, "render", lambda report, provenance, fmt, **_: f"{fmt} {provenance.link}".encode()),
        (mail_queue, "Transport", partial(Transport, command_timeout=timeout, reply_timeout=timeout)),
    ]
    originals = [(owner, name, getattr(owner, name)) for owner, name, _ in replacements]
    for owner, name, value in replacements:
        setattr(owner, name, value)
    yield
    for owner, name, value in originals:
        setattr(owner, name, value)


@contextmanager
def stop_at(step, when, number, stop):
    """Call `stop` before or after the given call of a step, counted from 1.

    Only calls of this thread count. Files are uploaded by other threads, so all their calls count.
    """
    owner, name = STEPS[step]
    original, thread, calls = getattr(owner, name), get_ident(), count(1)

    @wraps(original)
    def stopping(*args, **options):
        is_stop = (step == "put" or get_ident() == thread) and next(calls) == number
        if is_stop and when == "before":
            stop()
        result = original(*args, **options)
        if is_stop and when == "after":
            stop()
        return result

    setattr(owner, name, stopping)
    try:
        yield
    finally:
        setattr(owner, name, original)


def disconnect(connection):
    """Let the database end this connection."""
    with psycopg.connect(connection.info.dsn, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])


def deliver(archive, connection, moment, recipients):
    """Deliver one occurrence, as the command line and the scheduler do."""
    saved_query = SavedQuery.model_validate(
        {
            "name": "monthly",
            "title": "Monthly",
            "query": {"interval": "previous month"},
            "output": {"formats": ["csv"]},
            "delivery": {"send_to": recipients},
        }
    )
    at = datetime.fromisoformat(moment)
    manual.deliver(connection, archive, saved_query, at, generated_by="schedule")


def work(moment, recipients, stop=None):
    """Deliver one occurrence, and stop where the order says."""
    with open_archive() as (archive, connection):
        if stop is None:
            deliver(archive, connection, moment, recipients)
            return
        step, when, number, how = stop
        stops = {
            "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
            "pause": lambda: os.kill(os.getpid(), signal.SIGSTOP),
            "disconnect": lambda: disconnect(connection),
        }
        with stop_at(step, when, number, stops[how]):
            deliver(archive, connection, moment, recipients)


def run(order):
    """Run one worker process to its end."""
    signal.alarm(MAX_SECONDS)
    code = 0
    try:
        work(**order)
    except DynamicsError as error:
        print(error, file=sys.stderr)
        code = 1
    except BaseException:  # noqa: BLE001 - the worker ends here, and its test fails
        traceback.print_exc()
        code = 3
    sys.stderr.flush()
    os._exit(code)


def serve():
    """Fork the workers."""
    work("1999-01-01T00:00:00Z", ["warm@up.example.com"])
    object_store().client.close()  # processes must not share a connection
    print("ready", flush=True)
    for line in sys.stdin:
        worker = os.fork()
        if worker == 0:
            run(json.loads(line))
        print(worker, flush=True)
        _, status = os.waitpid(worker, os.WUNTRACED)
        while os.WIFSTOPPED(status):
            print("paused", flush=True)
            _, status = os.waitpid(worker, os.WUNTRACED)
        killed = os.WIFSIGNALED(status)
        print(f"signal {os.WTERMSIG(status)}" if killed else f"exit {os.WEXITSTATUS(status)}", flush=True)


if __name__ == "__main__":
    with prepare():
        serve()
