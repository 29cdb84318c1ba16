"""Nobody changes what a link shows: what was changed is either not what is read, or refused."""

import json

import pytest

from orchestration.archive import Archive, SnapshotDamaged, SnapshotNotFound, new_snapshot_id
from orchestration.rendering import FORMATS

OBJECTS = len(FORMATS) + 2


@pytest.fixture
def kept(archive, report, told):
    return archive.keep(report, **told)


def manifest_key(snapshot):
    return f"snapshots/{snapshot.manifest.id}/manifest.json"


def forged(snapshot):
    """The manifest with another author, well-formed."""
    return json.dumps(snapshot.manifest.model_dump(mode="json") | {"generated_by": "nobody"}).encode()


def test_what_is_untouched_is_sound(archive, kept):
    (verdict,) = archive.verify()
    assert (verdict.snapshot_id, verdict.sound_objects, verdict.problems) == (kept.manifest.id, OBJECTS, ())
    assert list(archive.verify([kept.manifest.id])) == [verdict]


def test_where_there_are_no_versions_a_changed_file_is_refused(plain_store, s3, database, report, told):
    archive = Archive(plain_store, database, "")
    kept = archive.keep(report, **told)
    key = kept.manifest.files["csv"].key
    s3.put_object(Bucket=plain_store.bucket, Key=key, Body=kept.read("csv").replace(b"125.00", b"925.00"))

    with pytest.raises(SnapshotDamaged, match="does not match"):
        archive.open(kept.manifest.id).read("csv")
    assert archive.open(kept.manifest.id).table() == report.table
    (verdict,) = archive.verify()
    assert verdict.sound_objects == OBJECTS - 1
    assert len(verdict.problems) == 1
    assert key in verdict.problems[0]


def test_where_there_are_versions_the_first_is_read_and_a_later_one_reported(
    locked_store, s3, database, report, told
):
    archive = Archive(locked_store, database, "")
    kept = archive.keep(report, **told)
    for key in (kept.manifest.files["csv"].key, manifest_key(kept)):
        s3.put_object(Bucket=locked_store.bucket, Key=key, Body=forged(kept))

    assert archive.open(kept.manifest.id) == kept
    assert archive.open(kept.manifest.id).read("csv").startswith(b"\xef\xbb\xbfSection")
    (verdict,) = archive.verify()
    assert verdict.sound_objects == OBJECTS
    assert ["written 2 times" in problem for problem in verdict.problems] == [True, True]

    database.execute("truncate dynamics.snapshots")
    assert archive.reindex() == 1
    assert archive.open(kept.manifest.id) == kept


def test_where_there_are_no_versions_the_index_tells_a_changed_manifest(
    plain_store, s3, database, report, told
):
    archive = Archive(plain_store, database, "")
    kept = archive.keep(report, **told)
    s3.put_object(Bucket=plain_store.bucket, Key=manifest_key(kept), Body=forged(kept))

    archive.reindex()  # which must not make the forgery the truth
    with pytest.raises(SnapshotDamaged, match="does not match"):
        archive.open(kept.manifest.id)
    (verdict,) = archive.verify()
    assert (verdict.sound_objects, len(verdict.problems)) == (0, 1)


def test_a_changed_index_is_noticed(archive, database, kept):
    database.execute("update dynamics.snapshots set manifest_sha256 = repeat('0', 64)")
    with pytest.raises(SnapshotDamaged, match="does not match"):
        archive.open(kept.manifest.id)


def test_a_lost_object_is_noticed(plain_store, s3, database, report, told):
    archive = Archive(plain_store, database, "")
    kept = archive.keep(report, **told)
    s3.delete_object(Bucket=plain_store.bucket, Key=kept.manifest.files["table"].key)
    with pytest.raises(SnapshotDamaged, match="is gone"):
        archive.open(kept.manifest.id).table()
    s3.delete_object(Bucket=plain_store.bucket, Key=manifest_key(kept))
    with pytest.raises(SnapshotDamaged, match="is gone"):
        archive.open(kept.manifest.id)
    (verdict,) = archive.verify()
    assert "is gone" in verdict.problems[0]


def test_a_deletion_hides_nothing_where_there_are_versions(plain_store, s3, database, report, told):
    s3.put_bucket_versioning(Bucket=plain_store.bucket, VersioningConfiguration={"Status": "Enabled"})
    archive = Archive(plain_store, database, "")
    kept = archive.keep(report, **told)
    s3.delete_object(Bucket=plain_store.bucket, Key=manifest_key(kept))
    database.execute("truncate dynamics.snapshots")
    assert archive.open(kept.manifest.id) == kept


def test_a_manifest_under_another_id_or_of_another_shape_is_refused(archive, locked_store, s3, kept):
    stranger, broken = new_snapshot_id(), new_snapshot_id()
    s3.put_object(
        Bucket=locked_store.bucket,
        Key=f"snapshots/{stranger}/manifest.json",
        Body=locked_store.get(manifest_key(kept)),
    )
    s3.put_object(Bucket=locked_store.bucket, Key=f"snapshots/{broken}/manifest.json", Body=b"{}")
    with pytest.raises(SnapshotDamaged, match="of another snapshot"):
        archive.open(stranger)
    with pytest.raises(SnapshotDamaged, match="is no manifest"):
        archive.open(broken)
    with pytest.raises(SnapshotDamaged, match="1 snapshots are indexed, 2 cannot be"):
        archive.reindex()


def test_an_index_that_was_lost_is_rebuilt_from_the_bucket(any_archive, database, report, told):
    kept = any_archive.keep(report, **told)
    other = any_archive.keep(report, **(told | {"title": "Other"}), saved_query="monthly")
    any_archive.revoke(other.manifest.id)
    before = any_archive.list()
    database.execute("truncate dynamics.snapshots")

    assert any_archive.open(kept.manifest.id) == kept
    with pytest.raises(SnapshotNotFound):
        any_archive.open(other.manifest.id)
    assert all("not in the index" in verdict.problems[0] for verdict in any_archive.verify())

    assert (any_archive.reindex(), any_archive.reindex()) == (2, 2)
    assert {entry.snapshot_id: bool(entry.revoked_at) for entry in any_archive.list()} == {
        entry.snapshot_id: bool(entry.revoked_at) for entry in before
    }
    assert all(not verdict.problems for verdict in any_archive.verify())


def test_a_revocation_that_only_the_index_knows_survives_a_reindex(archive, database, kept):
    database.execute("update dynamics.snapshots set revoked_at = '2019-01-01Z'")
    archive.reindex()
    with pytest.raises(SnapshotNotFound):
        archive.open(kept.manifest.id)


def test_an_id_that_nobody_kept_is_no_sound_snapshot(archive):
    (verdict,) = archive.verify([new_snapshot_id()])
    assert "no such snapshot" in verdict.problems[0]
