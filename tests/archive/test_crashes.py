"""A crash while a snapshot is stored: no link opens half of it, and the next try completes it."""

from itertools import count, product
from typing import Any, cast

import pytest

from orchestration.archive import Archive, SnapshotNotFound, new_snapshot_id
from orchestration.rendering import FORMATS

WRITES = len(FORMATS) + 2
"""The table, the formats and the manifest."""


class Crash(Exception):
    """The process ends here."""


class CrashingStore:
    """A real bucket. The process ends before or after one write, which is counted from 1."""

    def __init__(self, store, write, moment):
        self.store, self.write, self.moment = store, write, moment
        self.numbers = count(1)

    def __getattr__(self, name):
        return getattr(self.store, name)

    def put_new(self, key, body, content_type):
        is_last = next(self.numbers) == self.write
        if is_last and self.moment == "before":
            raise Crash
        stored = self.store.put_new(key, body, content_type)
        if is_last:
            raise Crash
        return stored


class CrashingConnection:
    """A real connection. The process ends before its first commit."""

    def __init__(self, connection):
        self.connection = connection

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def commit(self):
        self.connection.rollback()
        raise Crash


def test_a_crash_at_any_write_leaves_all_or_nothing(locked_store, database, store_report):
    archive = Archive(locked_store, database, "")
    for write, moment in product(range(1, WRITES + 1), ("before", "after")):
        snapshot_id, is_complete = new_snapshot_id(), (write, moment) == (WRITES, "after")
        crashing = Archive(cast("Any", CrashingStore(locked_store, write, moment)), database, "")
        with pytest.raises(Crash):
            store_report(crashing, snapshot_id=snapshot_id)
        database.rollback()
        assert opens(archive, snapshot_id) == is_complete, (write, moment)

        snapshot = store_report(archive, generated_by="user bohdan", snapshot_id=snapshot_id)
        author = "user olena" if is_complete else "user bohdan"
        assert snapshot.manifest.generated_by == author, (write, moment)
        (verdict,) = archive.verify([snapshot_id])
        assert (verdict.sound_objects, verdict.problems) == (WRITES, ()), (write, moment)


def opens(archive, snapshot_id):
    try:
        return bool(archive.open(snapshot_id).table())
    except SnapshotNotFound:
        return False


def test_the_next_attempt_repairs_an_uncommitted_index(locked_store, database, store_report, report, details):
    snapshot_id = new_snapshot_id()
    with pytest.raises(Crash):
        store_report(
            Archive(locked_store, cast("Any", CrashingConnection(database)), ""), snapshot_id=snapshot_id
        )

    archive = Archive(locked_store, database, "")
    assert archive.list() == []
    written = [(item.key, item.version_id) for item in locked_store.list("")]
    assert archive.find_stored(snapshot_id).table() == report.table
    assert [entry.title for entry in archive.list()] == [details.title]
    assert [(item.key, item.version_id) for item in locked_store.list("")] == written
