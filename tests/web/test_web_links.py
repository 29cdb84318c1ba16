"""A link from the day it is made to the day it ends: counted when it opens, refused when it is over, never guessed."""

from datetime import UTC, datetime, timedelta

import pytest

from orchestration import archive as archive_room
from orchestration.archive import SnapshotNotFound, new_snapshot_id
from orchestration.settings import settings
from orchestration.web import create_app

SOON = timedelta(hours=1)


@pytest.fixture
def link(kept):
    return f"/view?id={kept.manifest.id}"


def test_a_link_that_is_over_answers_like_one_that_never_was(browser, archive, kept, link):
    archive.expire(kept.manifest.id, datetime.now(UTC) + SOON)
    assert browser.get(link).status_code == 200
    archive.expire(kept.manifest.id, datetime.now(UTC) - SOON)
    unknown = browser.get(f"/view?id={new_snapshot_id()}")
    for address in (link, f"{link}&format=csv", f"{link}&format=exe", f"/chart?id={kept.manifest.id}"):
        over = browser.get(address)
        assert (over.status_code, over.content, str(over.headers)) == (
            404,
            unknown.content,
            str(unknown.headers),
        )
    with pytest.raises(SnapshotNotFound):
        archive.open(kept.manifest.id)
    archive.expire(kept.manifest.id, datetime.now(UTC) + SOON)
    assert browser.get(link).status_code == 200


def test_the_end_of_a_link_comes_back_from_the_bucket_alone(archive, database, kept):
    first, last = datetime(2030, 1, 1, tzinfo=UTC), datetime(2018, 5, 1, 12, 30, tzinfo=UTC)
    archive.expire(kept.manifest.id, first)
    archive.expire(kept.manifest.id, last)
    database.execute("delete from dynamics.snapshots")
    with pytest.raises(SnapshotNotFound):
        archive.open(kept.manifest.id)
    assert archive.reindex() == 1
    assert archive.entry(kept.manifest.id).expires_at == last
    with pytest.raises(SnapshotNotFound):
        archive.open(kept.manifest.id)
    assert all(verdict.problems == () for verdict in archive.verify())


def test_a_link_that_never_was_cannot_end(archive):
    with pytest.raises(SnapshotNotFound):
        archive.expire(new_snapshot_id(), datetime.now(UTC))


def test_each_opening_of_the_page_is_counted_and_no_other_request(browser, archive, kept, link):
    entry = archive.entry(kept.manifest.id)
    assert (entry.opens, entry.last_opened_at) == (0, None)
    with browser:
        for _ in range(3):
            browser.get(link)
        browser.get(f"{link}&format=csv")
        browser.get(f"/view?id={new_snapshot_id()}")
    entry = archive.entry(kept.manifest.id)
    assert entry.opens == 3
    assert datetime.now(UTC) - entry.last_opened_at < timedelta(minutes=1)


def test_opens_are_kept_while_the_database_is_away(open_archive, archive, kept):
    away = True

    def opened():
        if away:
            raise archive_room.SnapshotDamaged
        return open_archive()

    opens = create_app(opened).state.opens
    opens.count(kept.manifest.id)
    opens.write()
    away = False
    opens.count(kept.manifest.id)
    opens.write()
    opens.write()
    assert archive.entry(kept.manifest.id).opens == 2


def test_whoever_tries_many_links_is_slowed_down_and_whoever_has_one_is_not(browser, link):
    answers = until_slowed_down(browser, new_snapshot_id)
    assert len(answers) > 60
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert until_slowed_down(browser, lambda: "malformed")[-1].content == answers[-1].content
    assert browser.get(link).status_code == 200


def until_slowed_down(browser, link_id):
    """The answers until none but "too many" is left: a try comes back each second, on a busy machine while it is made."""
    answers = [browser.get(f"/view?id={link_id()}")]
    while answers[-1].status_code == 404 and len(answers) < 1000:
        answers.append(browser.get(f"/view?id={link_id()}"))
    return answers


def test_every_answer_has_the_headers_and_over_https_the_promise_to_stay(
    browse, open_archive, link, monkeypatch
):
    monkeypatch.setenv("DYNAMICS_PUBLIC_URL", "https://reports.example.com")
    settings.cache_clear()
    browser = browse(open_archive)
    settings.cache_clear()

    def failing():
        raise ZeroDivisionError

    asked = [
        browser.get(address)
        for address in (link, "/view", "/none", "/sign-in", "/static/style.css", "/openapi.json")
    ]
    asked += [browser.post("/sign-in"), browser.put("/view"), browser.options("/view")]
    browser.app.state.open_archive = failing
    asked.append(browser.get("/archive"))
    assert [answer.status_code for answer in asked] == [200, 404, 404, 200, 200, 200, 403, 403, 405, 500]
    for answer in asked:
        assert answer.headers["strict-transport-security"] == "max-age=31536000"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "camera=()" in answer.headers["permissions-policy"]


def test_a_public_address_ends_the_local_admin(browse, open_archive, monkeypatch):
    monkeypatch.setenv("DYNAMICS_PUBLIC_URL", "http://reports.example.com")
    settings.cache_clear()
    behind_a_proxy = browse(open_archive)
    settings.cache_clear()
    answer = behind_a_proxy.get("/users", headers={"Host": "127.0.0.1:8000"}, follow_redirects=False)
    assert answer.status_code == 303
