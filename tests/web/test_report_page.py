"""The report's page is quick because it is kept, and gone when its link is: no reader sees what was taken back."""

import asyncio
import re
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
import psycopg
import pytest

from orchestration.archive import new_snapshot_id
from orchestration.web.visitor import Role


@pytest.fixture
def opened(kept):
    """What to ask for."""
    return {"id": kept.manifest.id}


def soon(true):
    """Whether it becomes true well within a second."""
    until = time.monotonic() + 0.5
    while not (held := true()) and time.monotonic() < until:
        time.sleep(0.02)
    return held


def test_a_page_is_compressed_and_not_sent_again_to_who_has_it(browser, opened):
    plain = browser.get("/view", params=opened, headers={"Accept-Encoding": "identity"})
    small = browser.get("/view", params=opened, headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert small.headers["content-encoding"] == "gzip"
    assert small.content == plain.content
    assert int(small.headers["content-length"]) < len(plain.content) / 2
    again = browser.get("/view", params=opened, headers={"If-None-Match": small.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_page_that_is_kept_needs_neither_bucket_nor_a_second_rendering(browser, opened, store, s3):
    first = browser.get("/view", params=opened)
    for listed in s3.list_objects_v2(Bucket=store.bucket)["Contents"]:
        s3.delete_object(Bucket=store.bucket, Key=listed["Key"])
    assert browser.get("/view", params=opened).content == first.content


def test_a_link_that_is_revoked_elsewhere_opens_nothing_well_within_a_second(browser, archive, kept, opened):
    known = {"If-None-Match": browser.get("/view", params=opened).headers["etag"]}
    archive.revoke(kept.manifest.id)
    assert soon(lambda: browser.get("/view", params=opened).status_code == 404)
    answers = [
        browser.get("/view", params=opened, headers=known),
        browser.get("/view", params={"id": new_snapshot_id()}),
    ]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_a_link_that_ends_is_over_at_its_end(browser, archive, kept, opened):
    archive.expire(kept.manifest.id, datetime.now(UTC) + timedelta(seconds=0.5))
    assert browser.get("/view", params=opened).status_code == 200
    time.sleep(0.5)
    assert soon(lambda: browser.get("/view", params=opened).status_code == 404)


def test_a_page_of_which_the_index_knows_nothing_is_not_shown_from_memory(
    browser, database, opened, store, s3
):
    assert browser.get("/view", params=opened).status_code == 200
    database.execute("delete from dynamics.snapshots")
    database.commit()
    time.sleep(0.15)
    assert browser.get("/view", params=opened).status_code == 200  # the bucket has it
    s3.delete_object(Bucket=store.bucket, Key=f"snapshots/{opened['id']}/manifest.json")
    time.sleep(0.15)
    assert browser.get("/view", params=opened).status_code == 404


def test_while_the_database_is_away_nothing_is_shown_and_afterwards_all_is(
    browser, server_url, database, opened
):
    assert browser.get("/view", params=opened).status_code == 200
    time.sleep(0.15)
    assert browser.get("/view", params=opened).status_code == 200  # over the connection that it holds
    name = database.info.dbname
    with psycopg.connect(server_url, autocommit=True) as admin:
        admin.execute(f"alter database {name} allow_connections false")
        admin.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity where datname = %s and pid <> %s",
            (name, database.info.backend_pid),
        )
        time.sleep(0.15)
        assert browser.get("/view", params=opened).status_code == 503
        admin.execute(f"alter database {name} allow_connections true")
    assert browser.get("/view", params=opened).status_code == 200


def test_many_readers_at_once_all_get_the_page_which_is_rendered_once(open_archive, browse, opened):
    rendered = []

    @contextmanager
    def counted():
        rendered.append(1)
        with open_archive() as parts:
            yield parts

    async def read_at_once():
        app = httpx.ASGITransport(browse(counted).app)
        async with httpx.AsyncClient(transport=app, base_url="http://localhost") as client:
            return await asyncio.gather(*(client.get("/view", params=opened) for _ in range(64)))

    answers = asyncio.run(read_at_once())
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len(rendered) == 2  # once to render it, once to ask for the 63 others whether the link still opens


def test_the_kept_page_is_nobodys_own(browser, signed_in_as, opened):
    """It is shown to all who have the link, so it may hold no name and no token."""
    known = signed_in_as(Role.ANALYST)
    page = known.get("/view", params=opened)
    assert page.content == browser.get("/view", params=opened).content
    assert "set-cookie" not in page.headers
    assert 'name="csrf"' not in page.text
    assert 'href="/archive"' not in page.text
    assert 'href="/archive"' in known.get("/view/header").text


def test_everything_that_can_be_done_with_a_report_is_on_its_page(browser, kept, opened):
    page = browser.get("/view", params=opened).text
    for words in (
        "Export to CSV",
        "Export to XLSx",
        "XLS",
        "JSON",
        "Show Chart",
        "Copy link",
        "Collapse all",
        "Info",
    ):
        assert f">{words}<" in page
    for preset in (
        "Clients - Active: Qty",
        "Balance Refill: Total",
        "Pay As You Go: Total",
        "Packages: Renew Total",
    ):
        assert re.search(rf'href="/chart\?id={kept.manifest.id}&amp;chart=\w+">{preset}<', page)
    assert f'href="/chart?id={kept.manifest.id}">Blank Chart<' in page
    assert page.count('<details class="package" open>') == 2


def test_negatives_have_a_minus_and_na_a_class(browser, opened):
    page = browser.get("/view", params=opened).text
    assert '<td class="negative">\u221298\u202f765.43</td>' in page
    assert '<td class="na">N/A</td>' in page
