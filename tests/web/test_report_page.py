"""Tests of the report page: its cache, its compression, and the end of its link."""

import asyncio
import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest
from waiting import wait_until

from orchestration.accounts.visitor import Role
from orchestration.archive import new_snapshot_id


@pytest.fixture
def link(snapshot):
    """Return the parameters of the report's link."""
    return {"id": snapshot.manifest.id}


@pytest.fixture
def check_each_link(monkeypatch):
    """Check the link on every request, instead of ten times a second."""
    monkeypatch.setattr("orchestration.web.report.page_cache.LINK_CHECK_SECONDS", 0.0)


def test_a_page_is_compressed_and_revalidated(browser, link):
    plain = browser.get("/view", params=link, headers={"Accept-Encoding": "identity"})
    small = browser.get("/view", params=link, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == plain.content
    assert int(small.headers["content-length"]) < len(plain.content) / 2
    again = browser.get("/view", params=link, headers={"If-None-Match": small.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_cached_page_needs_no_bucket(browser, link, store, s3):
    first = browser.get("/view", params=link)
    for listed in s3.list_objects_v2(Bucket=store.bucket)["Contents"]:
        s3.delete_object(Bucket=store.bucket, Key=listed["Key"])
    assert browser.get("/view", params=link).content == first.content


def test_a_revoked_link_closes_within_a_second(browser, archive, snapshot, link):
    known = {"If-None-Match": browser.get("/view", params=link).headers["etag"]}
    archive.revoke(snapshot.manifest.id)
    wait_until(
        lambda: browser.get("/view", params=link).status_code == 404, "the link is closed", timeout=0.5
    )
    answers = [
        browser.get("/view", params=link, headers=known),
        browser.get("/view", params={"id": new_snapshot_id()}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_an_expiring_link_closes_at_its_end(browser, archive, snapshot, link):
    archive.expire(snapshot.manifest.id, datetime.now(UTC) + timedelta(seconds=0.5))
    assert browser.get("/view", params=link).status_code == 200
    wait_until(lambda: browser.get("/view", params=link).status_code == 404, "the link is closed", timeout=1)


def test_a_cached_page_missing_in_the_index_is_reloaded(check_each_link, browser, database, link, store, s3):
    assert browser.get("/view", params=link).status_code == 200
    database.execute("delete from dynamics.snapshots")
    database.commit()
    assert browser.get("/view", params=link).status_code == 200  # loaded from the bucket again
    s3.delete_object(Bucket=store.bucket, Key=f"snapshots/{link['id']}/manifest.json")
    assert browser.get("/view", params=link).status_code == 404


def test_no_page_is_shown_while_the_database_is_away(check_each_link, browser, server_url, database, link):
    assert browser.get("/view", params=link).status_code == 200
    assert browser.get("/view", params=link).status_code == 200  # uses the open connection
    name = database.info.dbname
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"alter database {name} allow_connections false")
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> %s",
            (name, database.info.backend_pid),
        )
        assert browser.get("/view", params=link).status_code == 503
        admin.execute(f"alter database {name} allow_connections true")
    assert browser.get("/view", params=link).status_code == 200


def test_a_page_opens_after_a_restart_of_the_database(check_each_link, browser, server_url, database, link):
    for _ in range(2):
        assert browser.get("/view", params=link).status_code == 200
        with psycopg.connect(server_url, autocommit=True) as admin:
            admin.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> %s",
                (database.info.dbname, database.info.backend_pid),
            )
    assert browser.get("/view", params=link).status_code == 200


def test_concurrent_readers_share_one_rendering(open_archive, open_browser, link):
    opened = []

    @contextmanager
    def count_and_open():
        opened.append(1)
        with open_archive() as resources:
            yield resources

    async def read_at_once():
        app = httpx.ASGITransport(open_browser(count_and_open).app)
        async with httpx.AsyncClient(transport=app, base_url="http://localhost") as client:
            return await asyncio.gather(*(client.get("/view", params=link) for _ in range(64)))

    answers = asyncio.run(read_at_once())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(opened) == 2  # one rendering, and one check of the link for the 63 other readers


def test_a_cached_page_holds_no_personal_data(browser, sign_in_as, link):
    """All visitors share the page, so it must hold no name and no token."""
    analyst = sign_in_as(Role.ANALYST)
    page = analyst.get("/view", params=link)
    assert page.content == browser.get("/view", params=link).content
    assert "set-cookie" not in page.headers
    assert 'name="csrf"' not in page.text
    assert 'href="/archive"' not in page.text
    assert 'href="/archive"' in analyst.get("/view/header").text


def test_the_report_page_offers_all_actions(browser, snapshot, link):
    page = browser.get("/view", params=link).text
    for label in (
        "Export to CSV",
        "Export to XLSx",
        "XLS",
        "JSON",
        "Show Chart",
        "Copy link",
        "Collapse all",
        "Info",
    ):
        assert f">{label}<" in page
    for preset in (
        "Clients - Active: Qty",
        "Balance Refill: Total",
        "Pay As You Go: Total",
        "Packages: Renew Total",
    ):
        assert re.search(rf'href="/chart\?id={snapshot.manifest.id}&amp;chart=\w+">{preset}<', page)
    assert f'href="/chart?id={snapshot.manifest.id}">Blank Chart<' in page
    assert page.count('<details class="package" open>') == 2


def test_negative_and_missing_cells_have_classes(browser, link):
    page = browser.get("/view", params=link).text
    assert '<td class="negative">\u221298\u202f765.43</td>' in page
    assert '<td class="na">N/A</td>' in page
