"""Whatever breaks while a report is kept: no link opens half a snapshot, and the next attempt completes it."""

from itertools import count, product

import pytest

from orchestration.archive import Archive, SnapshotNotFound, new_snapshot_id
from orchestration.rendering import FORMATS

WRITES = len(FORMATS) + 2
"""The table, the formats, the manifest."""


class Crash(Exception):
    """The process dies here."""


class CrashingStore:
    """A real bucket; the process dies before or after the write of that number, counted from 1."""

    def __init__(self, store, write, moment):
        self.store, self.write, self.moment = store, write, moment
        self.numbers = count(1)

    def __getattr__(self, name):
        return getattr(self.store, name)

    def put_new(self, key, body, content_type):
        last = next(self.numbers) == self.write
        if last and self.moment == "before":
            raise Crash
        stored = self.store.put_new(key, body, content_type)
        if last:
            raise Crash
        return stored


class CrashingConnection:
    """A real connection; the process dies before its first commit."""

    def __init__(self, connection):
        self.connection = connection

    def __getattr__(self, name):
        return getattr(self.connection, name)

    def commit(self):
        self.connection.rollback()
        raise Crash


def test_a_crash_at_any_write_leaves_all_or_nothing(locked_store, database, report, told):
    archive = Archive(locked_store, database, "")
    for write, moment in product(range(1, WRITES + 1), ("before", "after")):
        reserved, complete = new_snapshot_id(), (write, moment) == (WRITES, "after")
        with pytest.raises(Crash):
            Archive(CrashingStore(locked_store, write, moment), database, "").keep(
                report, **told, snapshot_id=reserved
            )
        database.rollback()
        assert opens(archive, reserved) == complete, (write, moment)

        later = told | {"generated_by": "user bohdan"}
        kept = archive.keep(report, **later, snapshot_id=reserved)
        assert kept.manifest.generated_by == ("user olena" if complete else "user bohdan"), (write, moment)
        (verdict,) = archive.verify([reserved])
        assert (verdict.sound_objects, verdict.problems) == (WRITES, ()), (write, moment)


def opens(archive, snapshot_id):
    try:
        return bool(archive.open(snapshot_id).table())
    except SnapshotNotFound:
        return False


def test_a_crash_before_the_index_is_committed_is_mended_by_the_next_attempt(
    locked_store, database, report, told
):
    reserved = new_snapshot_id()
    with pytest.raises(Crash):
        Archive(locked_store, CrashingConnection(database), "").keep(report, **told, snapshot_id=reserved)

    archive = Archive(locked_store, database, "")
    assert archive.list() == []
    written = [(found.key, found.version_id) for found in locked_store.list("")]
    assert archive.kept(reserved).table() == report.table
    assert [entry.title for entry in archive.list()] == [told["title"]]
    assert [(found.key, found.version_id) for found in locked_store.list("")] == written
