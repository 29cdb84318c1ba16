"""A changed object in the bucket is ignored or refused: a link never shows other numbers."""

import json
from datetime import UTC, datetime

import pytest

from orchestration.archive import Archive, SnapshotDamaged, SnapshotNotFound, new_snapshot_id
from orchestration.rendering import FORMATS

OBJECTS = len(FORMATS) + 2


def manifest_key(snapshot):
    return f"snapshots/{snapshot.manifest.id}/manifest.json"


def forge_manifest(snapshot):
    """Return a valid manifest with another author."""
    return json.dumps(snapshot.manifest.model_dump(mode="json") | {"generated_by": "nobody"}).encode()


def test_an_unchanged_snapshot_is_sound(archive, snapshot):
    (verdict,) = archive.verify()
    assert (verdict.snapshot_id, verdict.sound_objects, verdict.problems) == (
        snapshot.manifest.id,
        OBJECTS,
        (),
    )
    assert list(archive.verify([snapshot.manifest.id])) == [verdict]


def test_a_changed_file_is_refused_without_versions(plain_store, s3, database, store_report, report):
    archive = Archive(plain_store, database, "")
    snapshot = store_report(archive)
    key = snapshot.manifest.files["csv"].key
    changed = snapshot.read("csv").replace(b"125.00", b"925.00")
    s3.put_object(Bucket=plain_store.bucket, Key=key, Body=changed)

    with pytest.raises(SnapshotDamaged, match="does not match"):
        archive.open(snapshot.manifest.id).read("csv")
    assert archive.open(snapshot.manifest.id).table() == report.table
    (verdict,) = archive.verify()
    assert verdict.sound_objects == OBJECTS - 1
    assert len(verdict.problems) == 1
    assert key in verdict.problems[0]


def test_the_first_version_is_read_and_a_later_one_reported(locked_store, s3, database, store_report):
    archive = Archive(locked_store, database, "")
    snapshot = store_report(archive)
    for key in (snapshot.manifest.files["csv"].key, manifest_key(snapshot)):
        s3.put_object(Bucket=locked_store.bucket, Key=key, Body=forge_manifest(snapshot))

    assert archive.open(snapshot.manifest.id) == snapshot
    assert archive.open(snapshot.manifest.id).read("csv").startswith(b"\xef\xbb\xbfSection")
    (verdict,) = archive.verify()
    assert verdict.sound_objects == OBJECTS
    assert ["written 2 times" in problem for problem in verdict.problems] == [True, True]

    database.execute("truncate dynamics.snapshots")
    assert archive.reindex() == 1
    assert archive.open(snapshot.manifest.id) == snapshot


def test_the_index_notices_a_changed_manifest(plain_store, s3, database, store_report):
    archive = Archive(plain_store, database, "")
    snapshot = store_report(archive)
    s3.put_object(Bucket=plain_store.bucket, Key=manifest_key(snapshot), Body=forge_manifest(snapshot))

    archive.reindex()  # it must not accept the forged manifest
    with pytest.raises(SnapshotDamaged, match="does not match"):
        archive.open(snapshot.manifest.id)
    (verdict,) = archive.verify()
    assert (verdict.sound_objects, len(verdict.problems)) == (0, 1)


def test_a_changed_index_is_noticed(archive, database, snapshot):
    database.execute("update dynamics.snapshots set manifest_sha256 = repeat('0', 64)")
    with pytest.raises(SnapshotDamaged, match="does not match"):
        archive.open(snapshot.manifest.id)


def test_a_lost_object_is_noticed(plain_store, s3, database, store_report):
    archive = Archive(plain_store, database, "")
    snapshot = store_report(archive)
    s3.delete_object(Bucket=plain_store.bucket, Key=snapshot.manifest.files["table"].key)
    with pytest.raises(SnapshotDamaged, match="is gone"):
        archive.open(snapshot.manifest.id).table()
    s3.delete_object(Bucket=plain_store.bucket, Key=manifest_key(snapshot))
    with pytest.raises(SnapshotDamaged, match="is gone"):
        archive.open(snapshot.manifest.id)
    (verdict,) = archive.verify()
    assert "is gone" in verdict.problems[0]


def test_a_deletion_has_no_effect_with_versions(plain_store, s3, database, store_report):
    s3.put_bucket_versioning(Bucket=plain_store.bucket, VersioningConfiguration={"Status": "Enabled"})
    archive = Archive(plain_store, database, "")
    snapshot = store_report(archive)
    s3.delete_object(Bucket=plain_store.bucket, Key=manifest_key(snapshot))
    database.execute("truncate dynamics.snapshots")
    assert archive.open(snapshot.manifest.id) == snapshot


def test_a_misplaced_or_malformed_manifest_is_refused(archive, locked_store, s3, snapshot):
    other, broken, later = new_snapshot_id(), new_snapshot_id(), new_snapshot_id()
    for snapshot_id, body in (
        (other, locked_store.get(manifest_key(snapshot))),
        (broken, b"{}"),
        (later, b'{"schema_version": 1000}'),
    ):
        key = f"snapshots/{snapshot_id}/manifest.json"
        s3.put_object(Bucket=locked_store.bucket, Key=key, Body=body)
    with pytest.raises(SnapshotDamaged, match="of another snapshot"):
        archive.open(other)
    with pytest.raises(SnapshotDamaged, match="is not a valid manifest"):
        archive.open(broken)
    with pytest.raises(SnapshotDamaged, match="has format version 1000.*install a newer release"):
        archive.open(later)
    with pytest.raises(SnapshotDamaged, match="1 snapshots are indexed, 3 cannot be"):
        archive.reindex()


def test_a_lost_index_is_rebuilt_from_the_bucket(any_archive, database, store_report):
    snapshot = store_report(any_archive)
    revoked = store_report(any_archive, title="Other", saved_query="monthly")
    any_archive.revoke(revoked.manifest.id)
    before = any_archive.list()
    database.execute("truncate dynamics.snapshots")

    assert any_archive.open(snapshot.manifest.id) == snapshot
    with pytest.raises(SnapshotNotFound):
        any_archive.open(revoked.manifest.id)
    assert all("not in the index" in verdict.problems[0] for verdict in any_archive.verify())

    assert (any_archive.reindex(), any_archive.reindex()) == (2, 2)
    assert {entry.snapshot_id: bool(entry.revoked_at) for entry in any_archive.list()} == {
        entry.snapshot_id: bool(entry.revoked_at) for entry in before
    }
    assert all(not verdict.problems for verdict in any_archive.verify())


def test_a_reindex_keeps_a_revocation_of_the_index(archive, database, snapshot):
    database.execute("update dynamics.snapshots set revoked_at = '2019-01-01Z'")
    archive.reindex()
    with pytest.raises(SnapshotNotFound):
        archive.open(snapshot.manifest.id)


@pytest.mark.parametrize("in_index", ["2030-01-01Z", "2040-01-01Z"])
def test_a_reindex_keeps_the_earlier_expiry(archive, database, snapshot, in_index):
    archive.expire(snapshot.manifest.id, datetime(2035, 1, 1, tzinfo=UTC))
    database.execute("update dynamics.snapshots set expires_at = %s", [in_index])
    archive.reindex()
    (entry,) = archive.list()
    assert entry.expires_at.year == min(2035, int(in_index[:4]))


def test_an_unknown_id_is_not_a_sound_snapshot(archive):
    (verdict,) = archive.verify([new_snapshot_id()])
    assert "no such snapshot" in verdict.problems[0]
