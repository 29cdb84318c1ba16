"""Tests of the page behind a link, its downloads and its errors."""

import hashlib
import logging
from urllib.parse import unquote

import psycopg
import pytest

from orchestration.archive import new_snapshot_id
from orchestration.errors import Unavailable
from orchestration.rendering import FORMATS


def test_the_page_shows_the_table_and_the_stored_facts(browser, snapshot):
    page = browser.get("/view", params={"id": snapshot.manifest.id})
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    for text in (
        "02/2018",
        "Clients - Overall Active",
        "N/A",
        "Basic",
        "user olena",
        "no data",
        snapshot.manifest_sha256,
    ):
        assert text in page.text
    assert page.text.count("<td") == 2 * 21 * 2
    for fmt in FORMATS:
        assert f'href="/view?id={snapshot.manifest.id}&amp;format={fmt}"' in page.text
    assert "format=table" not in page.text


def test_hostile_names_are_escaped(browser, snapshot, hostile_name):
    page = browser.get("/view", params={"id": snapshot.manifest.id}).text
    assert "<script>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&amp;{{ 7*7 }}" in page
    assert hostile_name not in page


def test_a_download_is_the_stored_bytes(browser, snapshot):
    for fmt, form in FORMATS.items():
        answer = browser.get("/view", params={"id": snapshot.manifest.id, "format": fmt})
        assert answer.content == snapshot.read(fmt)
        assert answer.headers["content-type"] == form.content_type
        assert answer.headers["etag"] == f'"{hashlib.sha256(answer.content).hexdigest()}"'
        assert answer.headers["cache-control"] == "private, no-cache"
        plain, _, full = answer.headers["content-disposition"].partition("; filename*=UTF-8''")
        assert plain == f'attachment; filename="____-script-alert-1-script-7-7_2018-02-01_2018-03-31.{fmt}"'
        assert unquote(full) == f"Звіт-script-alert-1-script-7-7_2018-02-01_2018-03-31.{fmt}"


def test_a_download_is_revalidated(browser, archive, snapshot):
    parameters = {"id": snapshot.manifest.id, "format": "csv"}
    headers = {"If-None-Match": browser.get("/view", params=parameters).headers["etag"]}
    answer = browser.get("/view", params=parameters, headers=headers)
    assert (answer.status_code, answer.content) == (304, b"")
    archive.revoke(snapshot.manifest.id)
    assert browser.get("/view", params=parameters, headers=headers).status_code == 404


def test_unknown_malformed_and_revoked_ids_answer_alike(browser, archive, snapshot):
    archive.revoke(snapshot.manifest.id)
    addresses = [
        f"/view?id={new_snapshot_id()}",
        f"/view?id={snapshot.manifest.id}",
        f"/view?id={snapshot.manifest.id}&format=csv",
        f"/view?id={snapshot.manifest.id}&format=exe",
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


def test_an_unknown_format_is_rejected(browser, snapshot):
    for fmt in ("exe", "", "table", "<b>"):
        answer = browser.get("/view", params={"id": snapshot.manifest.id, "format": fmt})
        assert answer.status_code == 400
        assert "csv, xlsx, xls, json" in answer.text
        assert "<b>" not in answer.text


def test_changed_bytes_are_never_shown(browser, open_browser, open_archive, snapshot, store, s3):
    view = {"id": snapshot.manifest.id}
    page = browser.get("/view", params=view)
    changes = [
        (snapshot.manifest.files["csv"].key, view | {"format": "csv"}),
        (snapshot.manifest.files["table"].key, view),
        (f"snapshots/{snapshot.manifest.id}/manifest.json", view | {"format": "json"}),
    ]
    for key, parameters in changes:
        fresh = open_browser(open_archive)
        assert open_browser(open_archive).get("/view", params=parameters).status_code == 200
        s3.put_object(
            Bucket=store.bucket, Key=key, Body=store.get(key).replace(b"98765.43", b"11111.11") + b" "
        )
        answer = fresh.get("/view", params=parameters)
        assert answer.status_code == 500
        assert "This report is damaged" in answer.text
        assert "11" not in answer.text
    # A server that has the correct page in its cache still shows it.
    assert browser.get("/view", params=view).content == page.content


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Unavailable("bucket secret-name at 10.0.0.1 does not answer"), 503),
        (psycopg.OperationalError("server closed the connection to 10.0.0.1"), 503),
        (ZeroDivisionError("10.0.0.1"), 500),
    ],
)
def test_errors_reveal_no_internals(error, status, open_browser, caplog):
    def away():
        raise error

    with caplog.at_level(logging.CRITICAL):
        answer = open_browser(away).get("/view", params={"id": new_snapshot_id()})
    assert answer.status_code == status
    assert "10.0.0.1" not in answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_every_response_has_a_strict_content_policy(browser, snapshot):
    for address in (
        "/",
        "/healthz",
        "/static/style.css",
        "/none",
        "/view",
        f"/view?id={snapshot.manifest.id}",
    ):
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


def test_the_health_check_needs_no_archive(open_browser):
    def none():
        raise AssertionError

    assert open_browser(none).get("/healthz").text == "ok\n"
