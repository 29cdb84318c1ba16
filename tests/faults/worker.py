"""Workers to be killed: a process that has loaded everything forks one for each line of its standard input.

A line is the JSON of an Order (`scene.py`). Of the worker it answers the process id, then `paused` each time it stops
itself, and `exit CODE` or `signal NUMBER` at its end. The report is prepared and its files are a few bytes: what
is tested is the way from the occurrence to the mailbox, all of which is the product's own code, on real servers.
"""

# ruff: noqa: T201 - a pipe is how it talks

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

from orchestration.archive import archive as archive_room
from orchestration.archive import index
from orchestration.connections import object_store, open_archive
from orchestration.deliveries import dispatch, on_request, post, reports
from orchestration.errors import DynamicsError
from orchestration.mailing import outbox
from orchestration.mailing.transport import Transport
from orchestration.object_store import ObjectStore
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.report import Report
from orchestration.reporting.table import METRICS, Block, ReportTable, Unit
from orchestration.saved_queries.saved_query import SavedQuery

NO_MORE_THAN = 60
"""Seconds that a worker may take; one that hangs longer is ended by its alarm, and its test fails."""
STEPS = {
    "report": (reports, "make_report"),
    "put": (ObjectStore, "put_new"),
    "record": (index, "record"),
    "check": (dispatch, "require_sound"),
    "queue": (outbox, "queue"),
    "claim": (outbox, "claim"),
    "sending": (outbox, "mark_sending"),
    "send": (Transport, "send"),
    "settle": (outbox, "settle"),
}
"""Where a worker can be stopped, in the order of its way."""


def prepared_report(connection, query, *, base_currency, moment, with_clients, progress=None):
    """Nothing happened in the whole interval."""
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
def prepared(patience=0.4):
    """Reports without marts, files of a few bytes, and a mail server that is not waited for longer than so many seconds."""
    replaced = [
        (reports, "make_report", prepared_report),
        (archive_room, "render", lambda report, provenance, fmt, **_: f"{fmt} {provenance.link}".encode()),
        (post, "Transport", partial(Transport, command_timeout=patience, reply_timeout=patience)),
    ]
    before = [(place, name, getattr(place, name)) for place, name, _ in replaced]
    for place, name, value in replaced:
        setattr(place, name, value)
    yield
    for place, name, value in before:
        setattr(place, name, value)


@contextmanager
def stopped(step, when, number, stop):
    """Calls `stop` before or after this thread, or one that writes files for it, takes the step for that time."""
    place, name = STEPS[step]
    original, me, times = getattr(place, name), get_ident(), count(1)

    @wraps(original)
    def stopping(*args, **options):
        now = (step == "put" or get_ident() == me) and next(times) == number
        if now and when == "before":
            stop()
        result = original(*args, **options)
        if now and when == "after":
            stop()
        return result

    setattr(place, name, stopping)
    try:
        yield
    finally:
        setattr(place, name, original)


def disconnect(connection):
    """The database ends this connection."""
    with psycopg.connect(connection.info.dsn, autocommit=True) as other:
        other.execute("select pg_terminate_backend(%s)", [connection.info.backend_pid])


def deliver(archive, connection, moment, recipients):
    """Delivers one occurrence, as a user does at the command line and the scheduler in its runs."""
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
    on_request.deliver(connection, archive, saved_query, at, generated_by="schedule")


def work(moment, recipients, stop=None):
    """A worker's life, up to where it is to stop."""
    with open_archive() as (archive, connection):
        if stop is None:
            deliver(archive, connection, moment, recipients)
            return
        step, when, number, how = stop
        ends = {
            "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
            "pause": lambda: os.kill(os.getpid(), signal.SIGSTOP),
            "disconnect": lambda: disconnect(connection),
        }
        with stopped(step, when, number, ends[how]):
            deliver(archive, connection, moment, recipients)


def run(order):
    """The worker's process, to its end."""
    signal.alarm(NO_MORE_THAN)
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
    """Forks the workers."""
    work("1999-01-01T00:00:00Z", ["warm@up.example.com"])
    object_store()._client.close()  # a connection must not be shared by processes
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
    with prepared():
        serve()
