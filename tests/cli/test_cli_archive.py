"""The archive from the command line: what is there, whether it is sound, and taking a link away."""

import json
import re

from desk import GOLDEN_QUERY
from starlette.testclient import TestClient

from orchestration.connections import open_archive
from orchestration.web import create_app


def page(snapshot_id, **more):
    with TestClient(create_app(open_archive)) as browser:
        return browser.get("/view", params={"id": snapshot_id, **more})


def test_every_report_is_listed_and_shown(desk):
    first, second = desk("query", *GOLDEN_QUERY), desk("query", "--saved", "monthly")
    listed = json.loads(desk("snapshots", "list", "--json").out)
    assert [(row["snapshot_id"], row["link"]) for row in listed] == [
        (second.id, second.link),
        (first.id, first.link),
    ]
    assert len(desk("snapshots", "list").out.splitlines()) == 3
    assert first.id not in desk("snapshots", "list", "--limit", "1").out
    shown = desk("snapshots", "show", second.id).out
    assert "Title            Monthly" in shown
    manifest = json.loads(desk("snapshots", "show", second.id, "--json").out)
    assert manifest["id"] == second.id
    assert manifest["files"]["csv"]["sha256"] in shown


def test_verify_finds_the_byte_that_somebody_changed(desk):
    sound, changed = desk("query", *GOLDEN_QUERY).id, desk("query", *GOLDEN_QUERY, "--currency", "EUR").id
    said = desk("snapshots", "verify")
    assert said.code == 0
    assert said.out.count("sound\n") == 2
    (key,) = [key for key in desk.objects() if changed in key and key.endswith(".csv")]
    desk.s3.put_object(Bucket=desk.bucket, Key=key, Body=b"Section,Metric\n")
    said = desk("snapshots", "verify", "--json")
    assert said.code == 1
    verdicts = {row["snapshot_id"]: row["verdict"] for row in json.loads(said.out)}
    assert verdicts[sound] == "sound"
    assert key in verdicts[changed]
    assert desk("snapshots", "verify", sound).code == 0
    assert desk("snapshots", "verify", "x" * 32).code == 1


def test_the_index_comes_back_from_the_bucket_alone(desk):
    snapshot_id = desk("query", "--saved", "monthly").id
    before, shown = desk("snapshots", "list", "--json").out, page(snapshot_id).content
    desk.execute("delete from dynamics.snapshots")
    assert desk("snapshots", "list").out == "no reports\n"
    assert desk("snapshots", "reindex").out == "snapshots in the index: 1\n"
    assert desk("snapshots", "list", "--json").out == before
    assert page(snapshot_id).content == shown


def test_a_revoked_link_answers_like_one_that_never_was_and_its_bytes_stay(desk):
    snapshot_id = desk("query", *GOLDEN_QUERY).id
    objects = desk.objects()
    assert desk("snapshots", "revoke", snapshot_id).out == f"revoked: {snapshot_id}\n"
    revoked, unknown = page(snapshot_id), page("x" * 32)
    assert revoked.status_code == 404
    assert revoked.content == unknown.content
    assert objects.items() < desk.objects().items()
    assert desk("snapshots", "show", snapshot_id).code == 2
    (row,) = json.loads(desk("snapshots", "list", "--json").out)
    assert row["revoked_at"]


def test_a_link_can_be_given_an_end_and_tells_how_often_it_was_opened(desk):
    snapshot_id = desk("query", *GOLDEN_QUERY).id
    assert page(snapshot_id).status_code == 200
    said = desk("snapshots", "expire", snapshot_id, "--at", "2999-01-01T00:00:00Z")
    assert said.out == f"ends at 2999-01-01T00:00:00+00:00: {snapshot_id}\n"
    shown = desk("snapshots", "show", snapshot_id).out
    assert re.search(r"expires at +2999-01-01 00:00:00\+0000\nopens +1\nlast opened at +20", shown)
    desk("snapshots", "expire", snapshot_id, "--at", "2018-01-01T00:00:00Z")
    assert page(snapshot_id).status_code == 404
    assert desk("snapshots", "show", snapshot_id).code == 2
    assert "has no offset" in desk("snapshots", "expire", snapshot_id, "--at", "2018-01-01T00:00:00").line()
    assert (
        "there is no snapshot" in desk("snapshots", "expire", "x" * 32, "--at", "2018-01-01T00:00:00Z").line()
    )


def test_status_tells_of_every_part(desk):
    desk("query", *GOLDEN_QUERY)
    rows = {row["name"]: row for row in json.loads(desk("status", "--json").out)}
    assert list(rows) == ["database", "bucket", "mail server", "marts"]
    assert rows["database"]["state"] == rows["bucket"]["state"] == "answers"
    assert rows["bucket"]["detail"] == "7 objects"
    assert rows["marts"]["detail"].startswith("build 1, data until ")
    assert desk("status").code == 0
