"""The archive on the command line: list, show, verify, reindex, revoke and expire."""

import json
import re

from cli_harness import GOLDEN_QUERY
from starlette.testclient import TestClient

from orchestration.connections import open_archive
from orchestration.web.app import create_app


def open_page(snapshot_id, **parameters):
    with TestClient(create_app(open_archive)) as browser:
        return browser.get("/view", params={"id": snapshot_id, **parameters})


def test_every_report_is_listed_and_shown(cli):
    first, second = cli("query", *GOLDEN_QUERY), cli("query", "--saved", "monthly")
    listed = json.loads(cli("snapshots", "list", "--json").out)
    assert [(row["snapshot_id"], row["link"]) for row in listed] == [
        (second.id, second.link),
        (first.id, first.link),
    ]
    assert len(cli("snapshots", "list").out.splitlines()) == 3
    assert first.id not in cli("snapshots", "list", "--limit", "1").out
    text = cli("snapshots", "show", second.id).out
    assert "Title            Monthly" in text
    manifest = json.loads(cli("snapshots", "show", second.id, "--json").out)
    assert manifest["id"] == second.id
    assert manifest["files"]["csv"]["sha256"] in text


def test_verify_finds_a_changed_file(cli):
    sound, changed = cli("query", *GOLDEN_QUERY).id, cli("query", *GOLDEN_QUERY, "--currency", "EUR").id
    result = cli("snapshots", "verify")
    assert result.code == 0
    assert result.out.count("sound\n") == 2
    (key,) = [key for key in cli.objects() if changed in key and key.endswith(".csv")]
    cli.s3.put_object(Bucket=cli.bucket, Key=key, Body=b"Section,Metric\n")
    result = cli("snapshots", "verify", "--json")
    assert result.code == 1
    verdicts = {row["snapshot_id"]: row["verdict"] for row in json.loads(result.out)}
    assert verdicts[sound] == "sound"
    assert key in verdicts[changed]
    assert cli("snapshots", "verify", sound).code == 0
    assert cli("snapshots", "verify", "x" * 32).code == 1


def test_the_index_is_rebuilt_from_the_bucket_alone(cli):
    snapshot_id = cli("query", "--saved", "monthly").id
    listed, page = cli("snapshots", "list", "--json").out, open_page(snapshot_id).content
    cli.execute("delete from dynamics.snapshots")
    assert cli("snapshots", "list").out == "no reports\n"
    assert cli("snapshots", "reindex").out == "snapshots in the index: 1\n"
    assert cli("snapshots", "list", "--json").out == listed
    assert open_page(snapshot_id).content == page


def test_a_revoked_link_answers_like_an_unknown_one(cli):
    snapshot_id = cli("query", *GOLDEN_QUERY).id
    objects = cli.objects()
    assert cli("snapshots", "revoke", snapshot_id).out == f"revoked: {snapshot_id}\n"
    revoked, unknown = open_page(snapshot_id), open_page("x" * 32)
    assert revoked.status_code == 404
    assert revoked.content == unknown.content
    assert objects.items() < cli.objects().items()
    assert cli("snapshots", "show", snapshot_id).code == 2
    (row,) = json.loads(cli("snapshots", "list", "--json").out)
    assert row["revoked_at"]


def test_a_link_can_expire_and_its_opens_are_counted(cli):
    snapshot_id = cli("query", *GOLDEN_QUERY).id
    assert open_page(snapshot_id).status_code == 200
    result = cli("snapshots", "expire", snapshot_id, "--at", "2999-01-01T00:00:00Z")
    assert result.out == f"ends at 2999-01-01T00:00:00+00:00: {snapshot_id}\n"
    text = cli("snapshots", "show", snapshot_id).out
    assert re.search(r"expires at +2999-01-01 00:00:00\+0000\nopens +1\nlast opened at +20", text)
    cli("snapshots", "expire", snapshot_id, "--at", "2018-01-01T00:00:00Z")
    assert open_page(snapshot_id).status_code == 404
    assert cli("snapshots", "show", snapshot_id).code == 2
    assert "has no offset" in cli("snapshots", "expire", snapshot_id, "--at", "2018-01-01T00:00:00").line()
    assert (
        "there is no snapshot" in cli("snapshots", "expire", "x" * 32, "--at", "2018-01-01T00:00:00Z").line()
    )


def test_status_shows_every_part(cli):
    cli("query", *GOLDEN_QUERY)
    rows = {row["name"]: row for row in json.loads(cli("status", "--json").out)}
    assert list(rows) == ["database", "bucket", "mail server", "marts"]
    assert rows["database"]["state"] == rows["bucket"]["state"] == "answers"
    assert rows["bucket"]["detail"] == "7 objects"
    assert rows["marts"]["detail"].startswith("build 1, data until ")
    assert cli("status").code == 0
