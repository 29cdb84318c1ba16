"""Tests of links: expiry, views, guessing, and the headers of every response."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from orchestration.archive import SnapshotDamaged, SnapshotNotFound, new_snapshot_id
from orchestration.settings import settings
from orchestration.web.view_counter import ViewCounter

SOON = timedelta(hours=1)


@pytest.fixture
def link(snapshot):
    """Return the address of the report."""
    return f"/view?id={snapshot.manifest.id}"


def test_an_expired_link_answers_like_an_unknown_one(browser, archive, snapshot, link):
    archive.expire(snapshot.manifest.id, datetime.now(UTC) + SOON)
    assert browser.get(link).status_code == 200
    archive.expire(snapshot.manifest.id, datetime.now(UTC) - SOON)
    unknown = browser.get(f"/view?id={new_snapshot_id()}")
    for address in (link, f"{link}&format=csv", f"{link}&format=exe", f"/chart?id={snapshot.manifest.id}"):
        answer = browser.get(address)
        assert (answer.status_code, answer.content, str(answer.headers)) == (
            404,
            unknown.content,
            str(unknown.headers),
        )
    with pytest.raises(SnapshotNotFound):
        archive.open(snapshot.manifest.id)
    archive.expire(snapshot.manifest.id, datetime.now(UTC) + SOON)
    assert browser.get(link).status_code == 200


def test_reindex_restores_the_expiry_of_a_link(archive, database, snapshot):
    first, last = datetime(2030, 1, 1, tzinfo=UTC), datetime(2018, 5, 1, 12, 30, tzinfo=UTC)
    archive.expire(snapshot.manifest.id, first)
    archive.expire(snapshot.manifest.id, last)
    database.execute("delete from dynamics.snapshots")
    with pytest.raises(SnapshotNotFound):
        archive.open(snapshot.manifest.id)
    assert archive.reindex() == 1
    assert archive.entry(snapshot.manifest.id).expires_at == last
    with pytest.raises(SnapshotNotFound):
        archive.open(snapshot.manifest.id)
    assert all(verdict.problems == () for verdict in archive.verify())


def test_an_unknown_link_cannot_expire(archive):
    with pytest.raises(SnapshotNotFound):
        archive.expire(new_snapshot_id(), datetime.now(UTC))


def test_only_views_of_the_page_are_counted(browser, archive, snapshot, link):
    entry = archive.entry(snapshot.manifest.id)
    assert (entry.opens, entry.last_opened_at) == (0, None)
    with browser:
        for _ in range(3):
            browser.get(link)
        browser.get(f"{link}&format=csv")
        browser.get(f"/view?id={new_snapshot_id()}")
    entry = archive.entry(snapshot.manifest.id)
    assert entry.opens == 3
    assert datetime.now(UTC) - entry.last_opened_at < timedelta(minutes=1)


def test_views_are_kept_while_the_database_is_away(open_archive, archive, snapshot):
    is_away = True

    def open_if_available():
        if is_away:
            raise SnapshotDamaged
        return open_archive()

    counter = ViewCounter(open_if_available)
    counter.count(snapshot.manifest.id)
    counter.flush()
    is_away = False
    counter.count(snapshot.manifest.id)
    counter.flush()
    counter.flush()
    assert archive.entry(snapshot.manifest.id).opens == 2


def test_guessing_links_is_slowed_down(browser, link):
    answers = until_slowed_down(browser, new_snapshot_id)
    assert len(answers) > 60
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert until_slowed_down(browser, lambda: "malformed")[-1].content == answers[-1].content
    assert browser.get(link).status_code == 200


def until_slowed_down(browser, link_id):
    """Open links until the answer is not 404. Return all answers.

    A slow machine gets some attempts back while it opens the links.
    """
    answers = [browser.get(f"/view?id={link_id()}")]
    while answers[-1].status_code == 404 and len(answers) < 1000:
        answers.append(browser.get(f"/view?id={link_id()}"))
    return answers


def test_every_response_has_the_security_headers(open_browser, open_archive, link, monkeypatch):
    monkeypatch.setenv("DYNAMICS_PUBLIC_URL", "https://reports.example.com")
    settings.cache_clear()
    browser = open_browser(open_archive)
    settings.cache_clear()

    def fail():
        raise ZeroDivisionError

    answers = [
        browser.get(address)
        for address in (link, "/view", "/none", "/sign-in", "/static/style.css", "/openapi.json")
    ]
    answers += [browser.post("/sign-in"), browser.put("/view"), browser.options("/view")]
    browser.app.state.services = replace(browser.app.state.services, open_archive=fail)
    answers.append(browser.get("/archive"))
    assert [answer.status_code for answer in answers] == [200, 404, 404, 200, 200, 200, 403, 403, 405, 500]
    for answer in answers:
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "camera=()" in answer.headers["permissions-policy"]


def test_a_public_address_ends_the_local_admin(open_browser, open_archive, monkeypatch):
    monkeypatch.setenv("DYNAMICS_PUBLIC_URL", "http://reports.example.com")
    settings.cache_clear()
    behind_a_proxy = open_browser(open_archive)
    settings.cache_clear()
    answer = behind_a_proxy.get("/users", headers={"Host": "127.0.0.1:8000"}, follow_redirects=False)
    assert answer.status_code == 303
