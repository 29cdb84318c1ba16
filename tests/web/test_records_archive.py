"""The archive finds every report that somebody may see, tells what became of its mails, and ends its link on request."""

from dataclasses import replace
from datetime import timedelta

import pytest
from web_forms import send

from orchestration.archive import new_snapshot_id
from orchestration.web.records.search import PAGE
from orchestration.web.visitor import Role


@pytest.fixture
def keep(archive, report):
    """Keeps that report once more, made so many hours later, under another title."""

    def kept(title, hours=0, *, by="user olena", owners=None, saved_query=None):
        moment = report.as_of + timedelta(hours=hours)
        changed = replace(report, owner_ids=owners)
        return archive.keep(
            changed, title=title, generated_by=by, generated_at=moment, saved_query=saved_query
        ).manifest.id

    return kept


@pytest.fixture
def mailed(database):
    """Writes down what became of a snapshot's mails: state by recipient."""

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
    """The titles in a list, from top to bottom."""
    return [
        part.split("<")[0]
        for part in page.text.split('<th scope="row"><a href=')[1:]
        for part in [part.split(">", 1)[1]]
    ]


def listed(browser, **asked):
    page = browser.get("/archive", params=asked)
    assert page.status_code == 200
    return titles(page)


def test_reports_are_found_by_words_of_their_title_by_day_and_by_who(browser, keep):
    keep("Monthly finance", 0, saved_query="board_quarter")
    keep("Фінанси щомісяця", 30, by="schedule")
    keep("Daily operations: 100 % of it", 60, by="backfill")
    assert listed(browser) == ["Daily operations: 100 % of it", "Фінанси щомісяця", "Monthly finance"]
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
        assert listed(browser, q=words) == found, words
    assert listed(browser, since="2018-04-03", until="2018-04-03") == ["Фінанси щомісяця"]
    assert listed(browser, until="2018-04-02") == ["Monthly finance"]
    assert listed(browser, who="OLENA") == ["Monthly finance"]
    assert listed(browser, who="%") == []
    assert listed(browser, q="finance", who="schedule") == []


def test_a_day_that_is_none_is_told_beside_its_field(browser):
    page = browser.get("/archive", params={"since": "yesterday", "q": '"><script>'})
    assert page.status_code == 400
    assert 'aria-describedby="since-problem" aria-invalid="true"' in page.text
    assert "Write a day as 2018-12-31." in page.text
    assert "<script>" not in page.text
    assert browser.get("/archive", params={"after": "nonsense"}).status_code == 400
    assert browser.get("/archive", params={"q": "\0", "who": "\0" + "x" * 5000}).status_code == 200


def test_pages_follow_each_other_from_the_newest_to_the_oldest_while_new_ones_come(browser, database, keep):
    first = keep("Report 0")
    database.execute(
        """
        insert into dynamics.snapshots (snapshot_id, manifest_sha256, title, generated_by, generated_at, as_of, parameters)
        select lpad(n::text, 32, 'x'), '', 'Report ' || n, generated_by, generated_at + (n + 1) / 2 * interval '1 second', as_of, parameters
        from dynamics.snapshots, generate_series(1, %s) as n where snapshot_id = %s
        """,
        [2 * PAGE, first],
    )
    database.commit()
    page, seen = browser.get("/archive", params={"q": "report"}), []
    while True:
        seen += titles(page)
        keep("Report of somebody else", 100)
        if 'rel="next"' not in page.text:
            break
        address = page.text.split('rel="next" href="')[1].split('"')[0].replace("&amp;", "&")
        page = browser.get(address)
    assert len(seen) == 2 * PAGE + 1
    assert seen[-1] == "Report 0"
    assert {int(title.split()[1]) for title in seen} == set(range(2 * PAGE + 1))


def test_what_became_of_each_mail_stands_beside_the_report(browser, keep, mailed):
    snapshot_id = keep("Monthly finance")
    mailed(snapshot_id, ann="sent", bob="sent", cy="failed", di="unknown")
    counted = browser.get("/archive").text
    for state in ("2 sent", "1 failed", "1 unknown"):
        assert state in counted
    page = browser.get(f"/archive/{snapshot_id}").text
    assert "ann@secret.example.com" in page
    assert "550 no &lt;b&gt;cy&lt;/b&gt; here" in page
    assert "skipped" not in page


def test_addresses_are_for_analysts_and_admins(signed_in_as, keep, mailed):
    snapshot_id = keep("Monthly finance")
    mailed(snapshot_id, ann="sent", cy="failed")
    for role in Role:
        page = signed_in_as(role).get(f"/archive/{snapshot_id}").text
        assert "1 failed" in page
        assert ("secret.example.com" in page) is (role >= Role.ANALYST)
        assert ("550 no" in page) is (role >= Role.ANALYST)


def test_who_is_bound_to_a_reseller_finds_that_reseller_alone(signed_in_as, keep):
    ids = {
        owners: keep(f"Report of {owners}", owners=owners, saved_query="shared")
        for owners in (("r1",), ("r2",), ("r1", "r2"), None)
    }
    browser = signed_in_as(Role.ANALYST, "r1")
    assert listed(browser) == listed(browser, q="report") == ["Report of (&#39;r1&#39;,)"]
    nobody = browser.get(f"/archive/{new_snapshot_id()}")
    for owners, snapshot_id in ids.items():
        page = browser.get(f"/archive/{snapshot_id}")
        assert page.status_code == (200 if owners == ("r1",) else 404)
        if owners != ("r1",):
            assert page.text == nobody.text
        else:  # the other reseller's report of the same saved query is no neighbour
            assert "/archive/compare?left" not in page.text


def test_neighbours_are_the_reports_that_the_same_saved_query_made_before_and_after(browser, archive, keep):
    ids = [keep("Monthly finance", hours, saved_query="monthly") for hours in range(5)]
    keep("Another", 2, saved_query="other")
    archive.revoke(ids[1])
    page = browser.get(f"/archive/{ids[2]}").text
    assert f"left={ids[0]}&amp;right={ids[2]}" in page
    assert f"left={ids[2]}&amp;right={ids[3]}" in page


def test_an_admin_revokes_a_link_after_saying_that_it_is_meant(signed_in_as, keep):
    snapshot_id = keep("Monthly finance")
    page, form = f"/archive/{snapshot_id}", f"/archive/{snapshot_id}/revoke"
    admin, analyst = signed_in_as(Role.ADMIN), signed_in_as(Role.ANALYST)
    assert "Revoke" not in analyst.get(page).text
    assert send(analyst, page, form, sure="yes").status_code == 403
    assert admin.post(form, data={"sure": "yes"}).status_code == 403  # not from our page
    assert send(admin, page, form).headers["location"] == page
    assert admin.get(f"/view?id={snapshot_id}").status_code == 200
    assert send(admin, page, form, sure="yes").headers["location"] == page
    assert admin.get(f"/view?id={snapshot_id}").status_code == 404
    assert "revoked" in admin.get(page).text
    assert "Compute again" not in admin.get(page).text
    assert "revoked" in admin.get("/archive").text
    assert send(admin, "/archive", f"/archive/{new_snapshot_id()}/revoke", sure="yes").status_code == 404


def test_a_link_that_is_over_is_told_and_opens_are_counted(browser, archive, database, keep):
    snapshot_id = keep("Monthly finance")
    archive.expire(snapshot_id, archive.open(snapshot_id).manifest.generated_at)
    database.execute("update dynamics.snapshots set opens = 1234")
    database.commit()
    page = browser.get("/archive").text
    assert "expired" in page
    assert "1\N{NARROW NO-BREAK SPACE}234" in page


def test_titles_that_attack_are_only_text(browser, kept, hostile):
    for page in ("/archive", f"/archive/{kept.manifest.id}"):
        text = browser.get(page).text
        assert hostile not in text
        assert "&lt;script&gt;alert(1)" in text
