"""Jobs: the reports that visitors request in the form, from the click to the mails.

A job is a row of `dynamics.query_jobs`, so all servers see it. A database connection with the
application name `dynamics query KEY` runs it. If the server dies, the connection ends, and other
servers see that the job is lost.
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

from orchestration.archive import SnapshotId, new_snapshot_id
from orchestration.errors import RequestError

MAX_RUNNING_JOBS = 2
"""Reports of one visitor that are computed at once. More would slow down all other visitors."""

_POLL_SECONDS = 0.3
"""The time between two checks whether a running job was cancelled."""

JobState = Literal["computing", "keeping", "mailing", "done", "failed", "cancelled"]
_ACTIVE_STATES: tuple[JobState, ...] = ("computing", "keeping", "mailing")


class TooManyJobs(RequestError):
    """A visitor requests more reports at once than one visitor may."""


@dataclass(frozen=True, slots=True)
class Job:
    """One requested report."""

    key: str
    visitor: str
    snapshot_id: SnapshotId
    """The id that the snapshot will have."""
    query_string: str
    """The form, as the parameters of an address."""
    state: JobState
    problem: str | None
    seconds: float
    """The duration until now or until the end of the job."""
    is_running: bool
    """Whether a database connection runs the job."""

    @property
    def is_finished(self) -> bool:
        """Whether the job has a final state."""
        return self.state not in _ACTIVE_STATES

    @property
    def is_lost(self) -> bool:
        """Whether the server died before the job had a final state."""
        return not (self.is_finished or self.is_running)


_FIND = """
    select job as key, visitor, snapshot_id, query_string, state, problem,
        extract(epoch from coalesce(finished_at, now()) - began_at)::float as seconds,
        exists (select from pg_stat_activity where application_name = 'dynamics query ' || job) as is_running
    from dynamics.query_jobs """


def make_key(token: str, visitor: str, query_string: str) -> str:
    """Return the key of the job for a form.

    A form that is sent twice has one key. A changed form, or a new `token`, has another key.
    """
    return hashlib.sha256(json.dumps([token, visitor, query_string]).encode()).hexdigest()[:40]


def find(connection: Connection[TupleRow], key: str, visitor: str) -> Job | None:
    """Return the visitor's job with that key, or None."""
    if not key.isalnum():
        return None  # Postgres rejects a text with a NUL character
    with connection.cursor(row_factory=class_row(Job)) as cursor:
        return cursor.execute(_FIND + "where job = %s and visitor = %s", [key, visitor]).fetchone()


def claim(connection: Connection[TupleRow], key: str, visitor: str, query_string: str) -> Job | None:
    """Claim the job for this connection, until `release`. Commit.

    Return None if another connection runs the job or has finished it. Take over a lost job with the
    snapshot id that it has reserved. Raise TooManyJobs.
    """
    with connection.transaction():
        connection.execute("select pg_advisory_xact_lock(hashtext('dynamics query of ' || %s))", [visitor])
        with connection.cursor(row_factory=class_row(Job)) as cursor:
            rows = cursor.execute(
                _FIND + "where visitor = %s and (finished_at is null or job = %s)", [visitor, key]
            )
            jobs = {job.key: job for job in rows}
        if key in jobs and (jobs[key].is_running or jobs[key].is_finished):
            return None
        if sum(job.is_running for job in jobs.values()) >= MAX_RUNNING_JOBS:
            raise TooManyJobs(
                f"you have {MAX_RUNNING_JOBS} reports in progress: wait for one of them, or cancel it"
            )
        connection.execute(
            "insert into dynamics.query_jobs (job, visitor, snapshot_id, query_string) values (%s, %s, %s, %s)"
            " on conflict (job) do update set state = 'computing', began_at = now()",
            [key, visitor, new_snapshot_id(), query_string],
        )
        # Set the name before the commit: no server must see the job without its connection.
        connection.execute("select set_config('application_name', 'dynamics query ' || %s, false)", [key])
    return find(connection, key, visitor)


def release(connection: Connection[TupleRow]) -> None:
    """End the connection's claim on its job. Commit."""
    connection.rollback()
    connection.execute("reset application_name")
    connection.commit()


def advance(connection: Connection[TupleRow], key: str, state: Literal["keeping", "mailing"]) -> bool:
    """Move the job to its next step. Return False if the job was cancelled. Commit."""
    return _move(connection, key, state, _ACTIVE_STATES)


def finish(
    connection: Connection[TupleRow], key: str, state: Literal["done", "failed"], problem: str | None = None
) -> None:
    """Record the final state of the job, unless the job was cancelled. Commit."""
    _move(connection, key, state, _ACTIVE_STATES, problem)


def cancel(connection: Connection[TupleRow], key: str) -> bool:
    """Cancel the job and its running statement. Return False if it no longer computes. Commit."""
    is_cancelled = _move(connection, key, "cancelled", ["computing"])
    if is_cancelled:
        connection.execute(
            "select pg_cancel_backend(pid) from pg_stat_activity where application_name = 'dynamics query ' || %s",
            [key],
        )
        connection.commit()
    return is_cancelled


@contextmanager
def watch_for_cancellation(
    connection: Connection[TupleRow], key: str, cancel: Callable[[], None]
) -> Iterator[None]:
    """Call `cancel` if any server cancels the job before the block ends.

    A thread watches the job on its own connection, which it opens after a moment.
    """
    is_over = Event()

    def watch() -> None:
        if is_over.wait(_POLL_SECONDS):
            return
        with psycopg.connect(
            connection.info.dsn, password=connection.info.password or None, autocommit=True
        ) as watching:
            while not is_over.wait(_POLL_SECONDS):
                row = watching.execute(
                    "select state from dynamics.query_jobs where job = %s", [key]
                ).fetchone()
                if row == ("cancelled",):
                    cancel()
                    return

    watcher = Thread(target=watch, name=f"watch {key}", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        is_over.set()
        watcher.join()


def _move(
    connection: Connection[TupleRow],
    key: str,
    state: JobState,
    previous_states: Sequence[JobState],
    problem: str | None = None,
) -> bool:
    """Set the state of the job. Return False if the job is in none of the previous states."""
    changed = connection.execute(
        """
        update dynamics.query_jobs
        set state = %(state)s, problem = %(problem)s,
            finished_at = case when not %(state)s = any(%(active_states)s) then now() end
        where job = %(key)s and state = any(%(previous_states)s)
        """,
        {
            "key": key,
            "state": state,
            "previous_states": list(previous_states),
            "problem": problem,
            "active_states": list(_ACTIVE_STATES),
        },
    )
    connection.commit()
    return changed.rowcount == 1
