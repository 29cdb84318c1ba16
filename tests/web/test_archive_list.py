"""Tests of the archive: search, mails of a snapshot, and revoked links."""

from dataclasses import replace
from datetime import timedelta

import pytest
from web_forms import submit

from orchestration.accounts.visitor import Role
from orchestration.archive import new_snapshot_id
from orchestration.snapshots import SnapshotDetails, archive_report
from orchestration.web.archive.search import PAGE_SIZE


@pytest.fixture
def store_report(archive, report):
    """Return a function that stores the report under a title, hours later, and returns its id."""

    def store_copy(title, hours=0, *, by="user olena", owners=None, saved_query=None):
        moment = report.as_of + timedelta(hours=hours)
        changed = replace(report, owner_ids=owners)
        details = SnapshotDetails(title, by, moment, saved_query=saved_query)
        return archive_report(archive, changed, details).manifest.id

    return store_copy


@pytest.fixture
def record_mails(database):
    """Return a function that records mails of a snapshot: the state by recipient."""

    def record(snapshot_id, **states):
        (occurrence,) = database.execute(
            "insert into dynamics.occurrences (purpose, scheduled_at, snapshot_id, generated_by)"
            " values ('query', now(), %s, 'user olena') returning occurrence_id",
            [snapshot_id],
        ).fetchone()
        for name, state in states.items():
            database.execute(
                "insert into dynamics.deliveries (occurrence_id, recipient, header, state, attempts, reply)"
                " values (%s, %s, 'to', %s, 3, %s)",
                [occurrence, f"{name}@secret.example.com", state, f"550 no <b>{name}</b> here"],
            )
        database.commit()

    return record


def titles(page):
    """Return the titles in a list, from top to bottom."""
    return [
        part.split("<")[0]
        for part in page.text.split('<th scope="row"><a href=')[1:]
        for part in [part.split(">", 1)[1]]
    ]


def search(browser, **parameters):
    page = browser.get("/archive", params=parameters)
    assert page.status_code == 200
    return titles(page)


def test_search_finds_reports_by_title_day_and_author(browser, store_report):
    store_report("Monthly finance", 0, saved_query="board_quarter")
    store_report("Фінанси щомісяця", 30, by="schedule")
    store_report("Daily operations: 100 % of it", 60, by="backfill")
    assert search(browser) == ["Daily operations: 100 % of it", "Фінанси щомісяця", "Monthly finance"]
    for words, found in {
        "finance": ["Monthly finance"],
        "FIN month": ["Monthly finance"],
        "quarter": ["Monthly finance"],
        "board_quarter": ["Monthly finance"],
        "фінанси": ["Фінанси щомісяця"],
        "100 %": ["Daily operations: 100 % of it"],
        "nance": [],
        "finance daily": [],
        "' & | ! <-> :* (": ["Daily operations: 100 % of it", "Фінанси щомісяця", "Monthly finance"],
    }.items():
        assert search(browser, q=words) == found, words
    assert search(browser, since="2018-04-03", until="2018-04-03") == ["Фінанси щомісяця"]
    assert search(browser, until="2018-04-02") == ["Monthly finance"]
    assert search(browser, who="OLENA") == ["Monthly finance"]
    assert search(browser, who="%") == []
    assert search(browser, q="finance", who="schedule") == []


def test_an_invalid_day_shows_a_problem_beside_its_field(browser):
    page = browser.get("/archive", params={"since": "yesterday", "q": '"><script>'})
    assert page.status_code == 400
    assert 'aria-describedby="since-problem" aria-invalid="true"' in page.text
    assert "Write a date such as 2018-12-31." in page.text
    assert "<script>" not in page.text
    assert browser.get("/archive", params={"after": "nonsense"}).status_code == 400
    assert browser.get("/archive", params={"q": "\0", "who": "\0" + "x" * 5000}).status_code == 200


def test_pages_list_each_report_once_while_new_ones_arrive(browser, database, store_report):
    first = store_report("Report 0")
    database.execute(
        """
        insert into dynamics.snapshots (snapshot_id, manifest_sha256, title, generated_by, generated_at, as_of, parameters)
        select lpad(n::text, 32, 'x'), '', 'Report ' || n, generated_by, generated_at + (n + 1) / 2 * interval '1 second', as_of, parameters
        from dynamics.snapshots, generate_series(1, %s) as n where snapshot_id = %s
        """,
        [2 * PAGE_SIZE, first],
    )
    database.commit()
    page, seen = browser.get("/archive", params={"q": "report"}), []
    while True:
        seen += titles(page)
        store_report("Report of somebody else", 100)
        if 'rel="next"' not in page.text:
            break
        address = page.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        page = browser.get(address)
    assert len(seen) == 2 * PAGE_SIZE + 1
    assert seen[-1] == "Report 0"
    assert {int(title.split()[1]) for title in seen} == set(range(2 * PAGE_SIZE + 1))


def test_a_report_shows_the_state_of_each_mail(browser, store_report, record_mails):
    snapshot_id = store_report("Monthly finance")
    record_mails(snapshot_id, ann="sent", bob="sent", cy="failed", di="unknown")
    text = browser.get("/archive").text
    for state in ("2 sent", "1 failed", "1 unknown"):
        assert state in text
    page = browser.get(f"/archive/{snapshot_id}").text
    assert "ann@secret.example.com" in page
    assert "550 no &lt;b&gt;cy&lt;/b&gt; here" in page
    assert "skipped" not in page


def test_viewers_do_not_see_mail_addresses(sign_in_as, store_report, record_mails):
    snapshot_id = store_report("Monthly finance")
    record_mails(snapshot_id, ann="sent", cy="failed")
    for role in Role:
        page = sign_in_as(role).get(f"/archive/{snapshot_id}").text
        assert "1 failed" in page
        assert ("secret.example.com" in page) is (role >= Role.ANALYST)
        assert ("550 no" in page) is (role >= Role.ANALYST)


def test_a_bound_visitor_finds_only_own_reports(sign_in_as, store_report):
    ids = {
        owners: store_report(f"Report of {owners}", owners=owners, saved_query="shared")
        for owners in (("r1",), ("r2",), ("r1", "r2"), None)
    }
    browser = sign_in_as(Role.ANALYST, "r1")
    assert search(browser) == search(browser, q="report") == ["Report of (&#39;r1&#39;,)"]
    nobody = browser.get(f"/archive/{new_snapshot_id()}")
    for owners, snapshot_id in ids.items():
        page = browser.get(f"/archive/{snapshot_id}")
        assert page.status_code == (200 if owners == ("r1",) else 404)
        if owners != ("r1",):
            assert page.text == nobody.text
        else:  # the report of the other reseller, from the same saved query, is not a neighbour
            assert "/archive/compare?left" not in page.text


def test_neighbours_are_reports_of_the_same_saved_query(browser, archive, store_report):
    ids = [store_report("Monthly finance", hours, saved_query="monthly") for hours in range(5)]
    store_report("Another", 2, saved_query="other")
    archive.revoke(ids[1])
    page = browser.get(f"/archive/{ids[2]}").text
    assert f"left={ids[0]}&amp;right={ids[2]}" in page
    assert f"left={ids[2]}&amp;right={ids[3]}" in page


def test_only_an_admin_revokes_a_link_after_confirmation(sign_in_as, store_report):
    snapshot_id = store_report("Monthly finance")
    page, form = f"/archive/{snapshot_id}", f"/archive/{snapshot_id}/revoke"
    admin, analyst = sign_in_as(Role.ADMIN), sign_in_as(Role.ANALYST)
    assert "Revoke" not in analyst.get(page).text
    assert submit(analyst, page, form, sure="yes").status_code == 403
    assert admin.post(form, data={"sure": "yes"}).status_code == 403  # without the token of our page
    assert submit(admin, page, form).headers["location"] == page
    assert admin.get(f"/view?id={snapshot_id}").status_code == 200
    assert submit(admin, page, form, sure="yes").headers["location"] == page
    assert admin.get(f"/view?id={snapshot_id}").status_code == 404
    assert "revoked" in admin.get(page).text
    assert "Compute again" not in admin.get(page).text
    assert "revoked" in admin.get("/archive").text
    assert submit(admin, "/archive", f"/archive/{new_snapshot_id()}/revoke", sure="yes").status_code == 404


def test_the_list_shows_expired_links_and_view_counts(browser, archive, database, store_report):
    snapshot_id = store_report("Monthly finance")
    archive.expire(snapshot_id, archive.open(snapshot_id).manifest.generated_at)
    database.execute("update dynamics.snapshots set opens = 1234")
    database.commit()
    page = browser.get("/archive").text
    assert "expired" in page
    assert "1\N{NARROW NO-BREAK SPACE}234" in page


def test_hostile_titles_are_escaped(browser, snapshot, hostile_name):
    for page in ("/archive", f"/archive/{snapshot.manifest.id}"):
        text = browser.get(page).text
        assert hostile_name not in text
        assert "&lt;script&gt;alert(1)" in text
