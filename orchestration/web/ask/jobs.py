"""Jobs: each report that somebody asked for in the form, from the click until it is kept, mailed, or given up.

They are rows of `dynamics.query_jobs`, so that several servers know of each other's. A job is at work as long as the
connection that works on it is there, under the job's name; when its server dies, the connection dies with it.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Event, Thread
from typing import Literal

import psycopg
from psycopg import Connection
from psycopg.rows import TupleRow, class_row

from orchestration.archive import new_snapshot_id
from orchestration.errors import RequestError

AT_ONCE = 2
"""Reports that one person may have in the making: a slow one must not hold up the next, and four make a server crawl."""

_WATCH_EVERY = 0.3
"""Seconds between two looks at a job that is being computed."""

State = Literal["computing", "keeping", "mailing", "done", "failed", "cancelled"]
_UNDER_WAY: tuple[State, ...] = ("computing", "keeping", "mailing")


class TooMany(RequestError):
    """Somebody asks for more reports at once than one person may."""


@dataclass(frozen=True, slots=True)
class Job:
    """One report that was asked for. Times are aware."""

    job: str
    visitor: str
    snapshot_id: str
    """Reserved before the work began."""
    asked: str
    """The form, as the parameters of an address."""
    state: State
    problem: str | None
    seconds: float
    """Since it began, until now or its end."""
    at_work: bool
    """Whether a connection is there that works on it."""

    @property
    def ended(self) -> bool:
        """Whether how it ended is written down."""
        return self.state not in _UNDER_WAY

    @property
    def lost(self) -> bool:
        """Whether its server died before it ended."""
        return not (self.ended or self.at_work)


_FIND = """
    select job, visitor, snapshot_id, asked, state, problem,
        extract(epoch from coalesce(finished_at, now()) - began_at)::float as seconds,
        exists (select from pg_stat_activity where application_name = 'dynamics query ' || job) as at_work
    from dynamics.query_jobs """


def job_key(token: str, visitor: str, asked: str) -> str:
    """The job that a form is: the same for the same form sent again, another for whatever else it asks."""
    return hashlib.sha256(json.dumps([token, visitor, asked]).encode()).hexdigest()[:40]


def find(connection: Connection[TupleRow], job: str, visitor: str) -> Job | None:
    """The job of that key, if that visitor has it."""
    if not job.isalnum():
        return None  # no key has what no text in the database can have
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(_FIND + "where job = %s and visitor = %s", [job, visitor]).fetchone()


def take(connection: Connection[TupleRow], job: str, visitor: str, asked: str) -> Job | None:
    """The job, for the caller to work on, on this connection until `let_go`; None when somebody else has it. Commits.

    What a server that died has left is taken over, with the snapshot's id that it had reserved. Raises TooMany.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('dynamics query of ' || %s))", [visitor])
        with connection.cursor(row_factory=class_row(Job)) as cursor:
            rows = cursor.execute(
                _FIND + "where visitor = %s and (finished_at is null or job = %s)", [visitor, job]
            )
            known = {row.job: row for row in rows}
        if job in known and (known[job].at_work or known[job].ended):
            return None
        if sum(each.at_work for each in known.values()) >= AT_ONCE:
            raise TooMany(
                f"{AT_ONCE} reports of yours are being made already: wait for one of them, or cancel it"
            )
        connection.execute(
            "insert into dynamics.query_jobs (job, visitor, snapshot_id, asked) values (%s, %s, %s, %s)"
            " on conflict (job) do update set state = 'computing', began_at = now()",
            [job, visitor, new_snapshot_id(), asked],
        )
        # Before anybody can see the job: from now on it is at work until this connection is gone or lets go.
        connection.execute("select set_config('application_name', 'dynamics query ' || %s, false)", [job])
    return find(connection, job, visitor)


def let_go(connection: Connection[TupleRow]) -> None:
    """The connection works on no job any more. Commits."""
    connection.rollback()
    connection.execute("reset application_name")
    connection.commit()


def advance(connection: Connection[TupleRow], job: str, state: Literal["keeping", "mailing"]) -> bool:
    """Whether the job may go on with its next part; False when it was cancelled meanwhile. Commits."""
    return _move(connection, job, state, _UNDER_WAY)


def end(
    connection: Connection[TupleRow], job: str, state: Literal["done", "failed"], problem: str | None = None
) -> None:
    """Writes down how the job ended, unless it was cancelled. Commits."""
    _move(connection, job, state, _UNDER_WAY, problem)


def cancel(connection: Connection[TupleRow], job: str) -> bool:
    """Whether the job was still computing and is cancelled now, its statement included. Commits."""
    cancelled = _move(connection, job, "cancelled", ["computing"])
    if cancelled:
        connection.execute(
            "select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'dynamics query ' || %s",
            [job],
        )
        connection.commit()
    return cancelled


@contextmanager
def watched(connection: Connection[TupleRow], job: str, cancel: Callable[[], None]) -> Iterator[None]:
    """Call `cancel` if the job is cancelled, on whichever server, before the block ends.

    The watch has a connection of its own, which it opens for a job that takes longer than a moment.
    """
    is_over = Event()

    def watch() -> None:
        if is_over.wait(_WATCH_EVERY):
            return
        with psycopg.connect(
            connection.info.dsn, password=connection.info.password or None, autocommit=True
        ) as watching:
            while not is_over.wait(_WATCH_EVERY):
                row = watching.execute(
                    "select state from dynamics.query_jobs where job = %s", [job]
                ).fetchone()
                if row == ("cancelled",):
                    cancel()
                    return

    watcher = Thread(target=watch, name=f"watch {job}", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _move(
    connection: Connection[TupleRow],
    job: str,
    to: State,
    before: Sequence[State],
    problem: str | None = None,
) -> bool:
    """Whether the job was in one of the states before, and is now in another."""
    changed = connection.execute(
        """
        update dynamics.query_jobs
        set state = %(to)s, problem = %(problem)s, finished_at = case when not %(to)s = any(%(under_way)s) then now() end
        where job = %(job)s and state = any(%(before)s)
        """,
        {"job": job, "to": to, "before": list(before), "problem": problem, "under_way": list(_UNDER_WAY)},
    )
    connection.commit()
    return changed.rowcount == 1
