"""Whoever has the link sees the report; nobody else learns anything."""

import hashlib
import logging
from urllib.parse import unquote

import psycopg
import pytest

from orchestration.archive import new_snapshot_id
from orchestration.errors import Unavailable
from orchestration.rendering import FORMATS


def test_the_page_shows_the_table_and_everything_that_was_stored_about_it(browser, kept):
    page = browser.get("/view", params={"id": kept.manifest.id})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for shown in (
        "02/2018",
        "Clients - Overall Active",
        "N/A",
        "Basic",
        "user olena",
        "no data",
        kept.manifest_sha256,
    ):
        assert shown in page.text
    assert page.text.count("<td") == 2 * 21 * 2
    for fmt in FORMATS:
        assert f'href="/view?id={kept.manifest.id}&amp;format={fmt}"' in page.text
    assert "format=table" not in page.text


def test_names_that_attack_are_only_text(browser, kept, hostile):
    page = browser.get("/view", params={"id": kept.manifest.id}).text
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&amp;{{ 7*7 }}" in page
    assert hostile not in page


def test_a_download_is_the_stored_bytes_under_a_name_of_their_own(browser, kept):
    for fmt, form in FORMATS.items():
        answer = browser.get("/view", params={"id": kept.manifest.id, "format": fmt})
        assert answer.content == kept.read(fmt)
        assert answer.headers["content-type"] == form.content_type
        assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
        assert answer.headers["cache-control"] == "private, no-cache"
        plain, _, full = answer.headers["content-disposition"].partition("; filename*=UTF-8''")
        assert plain == f'attachment; filename="____-script-alert-1-script-7-7_2018-02-01_2018-03-31.{fmt}"'
        assert unquote(full) == f"Звіт-script-alert-1-script-7-7_2018-02-01_2018-03-31.{fmt}"


def test_bytes_that_the_browser_has_are_not_sent_again_unless_the_link_was_revoked(browser, archive, kept):
    asked = {"id": kept.manifest.id, "format": "csv"}
    known = {"If-None-Match": browser.get("/view", params=asked).headers["etag"]}
    again = browser.get("/view", params=asked, headers=known)
    assert (again.status_code, again.content) == (304, b"")
    archive.revoke(kept.manifest.id)
    assert browser.get("/view", params=asked, headers=known).status_code == 404


def test_unknown_malformed_and_revoked_ids_get_the_very_same_answer(browser, archive, kept):
    archive.revoke(kept.manifest.id)
    addresses = [
        f"/view?id={new_snapshot_id()}",
        f"/view?id={kept.manifest.id}",
        f"/view?id={kept.manifest.id}&format=csv",
        f"/view?id={kept.manifest.id}&format=exe",
        "/view",
        "/view?id=",
        "/view?id=../../etc/passwd",
        "/view?id=%00%ff%0d%0aX:y",
        "/view?id=" + "x" * 5000,
        "/no/such/page",
        "/static/../app.py",
    ]
    answers = [browser.get(address) for address in addresses]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1
    assert len({str(answer.headers) for answer in answers}) == 1


def test_a_format_that_no_report_has_is_refused(browser, kept):
    for fmt in ("exe", "", "table", "<b>"):
        answer = browser.get("/view", params={"id": kept.manifest.id, "format": fmt})
        assert answer.status_code == 400
        assert "csv, xlsx, xls, json" in answer.text
        assert "<b>" not in answer.text


def test_changed_bytes_are_never_shown(browser, browse, open_archive, kept, store, s3):
    view = {"id": kept.manifest.id}
    page = browser.get("/view", params=view)
    changes = [
        (kept.manifest.files["csv"].key, view | {"format": "csv"}),
        (kept.manifest.files["table"].key, view),
        (f"snapshots/{kept.manifest.id}/manifest.json", view | {"format": "json"}),
    ]
    for key, asked in changes:
        fresh = browse(open_archive)
        assert browse(open_archive).get("/view", params=asked).status_code == 200
        s3.put_object(
            Bucket=store.bucket, Key=key, Body=store.get(key).replace(b"98765.43", b"11111.11") + b" "
        )
        answer = fresh.get("/view", params=asked)
        assert answer.status_code == 500
        assert "This report cannot be shown" in answer.text
        assert "11" not in answer.text
    # A server that read the bytes while they were sound goes on showing those.
    assert browser.get("/view", params=view).content == page.content


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unavailable("bucket secret-name at 10.0.0.1 does not answer"), 503),
        (psycopg.OperationalError("server closed the connection to 10.0.0.1"), 503),
        (ZeroDivisionError("10.0.0.1"), 500),
    ],
)
def test_what_fails_inside_stays_inside(error, status, browse, caplog):
    def away():
        raise error

    with caplog.at_level(logging.CRITICAL):
        answer = browse(away).get("/view", params={"id": new_snapshot_id()})
    assert answer.status_code == status
    assert "10.0.0.1" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_answer_runs_nothing_and_tells_nobody(browser, kept):
    for address in ("/", "/healthz", "/static/style.css", "/none", "/view", f"/view?id={kept.manifest.id}"):
        answer = browser.get(address)
        policy = answer.headers["content-security-policy"].split("; ")
        assert {"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'"} <= set(policy)
        assert "script-src 'self'" in policy
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in answer.headers["x-robots-tag"]
        assert " style=" not in answer.text
        assert answer.text.count("<script") == answer.text.count('<script type="module" src="/static/')


def test_the_health_check_needs_no_archive(browse):
    def none():
        raise AssertionError

    assert browse(none).get("/healthz").text == "ok\n"
