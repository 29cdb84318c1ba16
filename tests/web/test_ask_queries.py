"""From the form to the report: one click one report, slow ones are told of and cancelled, wrong ones are said field by field."""

import re
import threading
import time
from email import message_from_bytes
from urllib.parse import urlencode

import pytest
from small_world import HOSTILE, database_url  # noqa: F401 - a fixture
from stores import alter_store
from web_forms import csrf, over, problem

from orchestration import local
from orchestration.web.ask import jobs
from orchestration.web.visitor import Role

pytestmark = pytest.mark.usefixtures("templates")

MARCH = {"from": "2018-03-01", "to": "2018-03-31", "client_type": "client"}


def send(browser, token="one", **fields):
    """Fills in the form and presses Query."""
    given = {"csrf": csrf(browser.get("/")), "do": "query", "token": token, **MARCH, **fields}
    body = urlencode(
        [
            (name, text)
            for name, texts in given.items()
            for text in ([texts] if isinstance(texts, str) else texts)
        ]
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return browser.post("/query", content=body, headers=headers, follow_redirects=False)


@pytest.fixture
def impatient(monkeypatch):
    """A click waits for nothing."""
    monkeypatch.setattr("orchestration.web.ask.query.QUICK", 0.1)


def snapshots(database):
    database.commit()
    return database.execute(
        "select snapshot_id, title, saved_query, generated_by from dynamics.snapshots"
    ).fetchall()


def test_a_click_makes_a_snapshot_and_shows_it(browser, database):
    job = send(browser, group_by="month")
    assert job.status_code == 303
    report = over(browser, job.headers["location"])
    assert report.status_code == 303
    ((snapshot_id, title, saved_query, by),) = snapshots(database)
    assert report.headers["location"] == f"/view?id={snapshot_id}"
    assert (title, saved_query, by) == ("Customer Dynamics", None, "user local admin")
    page = browser.get(report.headers["location"])
    assert page.status_code == 200
    assert "03/2018" in page.text


def test_a_double_click_is_one_report_and_a_changed_form_another(browser, browse, open_archive, database):
    browser.get("/")  # a browser that has been here before: one cookie, whichever of its clicks comes first
    other_server = browse(open_archive)
    other_server.cookies = browser.cookies
    answers = []
    clicks = [
        threading.Thread(target=lambda each=each: answers.append(send(each)))
        for each in (browser, other_server) * 2
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len({answer.headers["location"] for answer in answers}) == 1
    over(browser, answers[0].headers["location"])
    assert len(snapshots(database)) == 1
    for changed in ({"currency": "EUR"}, {"token": "two"}):
        over(browser, send(browser, **changed).headers["location"])
    assert len(snapshots(database)) == 3


def test_a_slow_report_tells_how_far_it_is_and_comes_in_the_end(browser, slow, impatient, database):
    with slow():
        page = send(browser).headers["location"]
        waiting = browser.get(page)
        assert "The report is being made" in waiting.text
        assert "asking the marts" in waiting.text
        state = browser.get(f"{page}/state").json()
        assert (state["doing"], state["over"], state["cancellable"]) == ("asking the marts", False, True)
        assert 0 < state["seconds"] < 20
        assert not snapshots(database)
    assert over(browser, page).headers["location"].startswith("/view?id=")


def test_a_cancelled_report_stops_in_the_database_too_and_leaves_nothing(browser, slow, impatient, database):
    with slow():
        page = send(browser).headers["location"]
        after = browser.post(f"{page}/cancel", data={"csrf": csrf(browser.get(page))})
        assert "Cancelled" in after.text
        deadline = time.monotonic() + 10
        running = "select count(*) from pg_stat_activity where application_name like 'dynamics query %'"
        while database.execute(running).fetchone() != (0,):
            assert time.monotonic() < deadline
            database.commit()
            time.sleep(0.02)
    assert snapshots(database) == []
    assert "Cancelled" in browser.get(page).text


def test_one_person_may_not_hold_the_server_with_many_reports(browser, slow, impatient):
    with slow():
        pages = [send(browser, token=str(number)).headers["location"] for number in range(jobs.AT_ONCE)]
        refused = send(browser, token="one more")
        assert refused.status_code == 429
        assert "2 reports of yours are being made already: wait for one of them, or cancel it" in refused.text
        assert 'value="2018-03-31"' in refused.text, "the form keeps what was asked"
        browser.post(f"{pages[0]}/cancel", data={"csrf": csrf(browser.get("/"))})
        over(browser, pages[0])
        pages.append(send(browser, token="one more").headers["location"])
    for page in pages[1:]:
        over(browser, page)


def test_a_job_whose_server_died_is_told_and_the_same_form_takes_it_over(browser, database):
    asked = "from=2018-03-01&to=2018-03-31&client_type=client"
    key = jobs.job_key("one", "local admin", asked)
    assert jobs.take(database, key, "local admin", asked)
    jobs.let_go(database)
    assert "The server that made it has stopped" in browser.get(f"/query/{key}").text
    (reserved,) = database.execute("select snapshot_id from dynamics.query_jobs").fetchone()
    database.commit()
    assert send(browser).headers["location"] == f"/query/{key}"
    assert over(browser, f"/query/{key}").headers["location"] == f"/view?id={reserved}"


def test_a_report_that_cannot_be_made_says_why(browser, database):
    alter_store(database, "delete from part_0.exchange_rates")
    page = over(browser, send(browser, currency="EUR").headers["location"])
    assert "The report could not be made" in page.text
    assert "no exchange rate of EUR" in page.text
    assert 'href="/?from=2018-03-01' in page.text
    assert snapshots(database) == []


def test_a_job_is_its_owners_alone(browser, signed_in_as):
    olena, petro = signed_in_as(Role.ANALYST), signed_in_as(Role.ANALYST, "r1")
    page = send(olena).headers["location"]
    over(olena, page)
    for address in (page, f"{page}/state"):
        assert petro.get(address).status_code == 404
    assert petro.post(f"{page}/cancel", data={"csrf": csrf(petro.get("/"))}).status_code == 404


def test_a_file_is_offered_and_mailed_and_each_recipient_is_told_of(browser, home, database):
    job = send(browser, output="csv", send_to=["one@ask.example, two@ask.example"])
    page = over(browser, job.headers["location"])
    ((snapshot_id, *_),) = snapshots(database)
    assert f'href="/view?id={snapshot_id}&amp;format=csv"' in page.text
    for address in ("one@ask.example", "two@ask.example"):
        assert re.search(rf"{address}</th><td><span class=\"state sent\">sent</span>", page.text)
    mails = [message_from_bytes(path.read_bytes()) for path in (local.maildir(home) / "new").iterdir()]
    to_us = [mail for mail in mails if "@ask.example" in mail["Delivered-To"]]
    assert len(to_us) == 2
    assert next(filter(None, (part.get_filename() for part in to_us[0].walk()))).endswith(".csv")
    send(browser, output="csv", send_to=["one@ask.example, two@ask.example"])
    assert database.execute("select count(*) from dynamics.deliveries").fetchone() == (2,), (
        "the same form mails once"
    )


WRONG = [
    ("timezone", {"timezone": "Mars"}, "Unknown timezone 'Mars'"),
    ("client_type", {"client_type": "alien"}, "Must be 'client', 'reseller'"),
    ("currency", {"currency": "usd"}, "Must be an ISO 4217 code"),
    ("currency", {"currency": "XXX"}, "Unknown currency 'XXX': use one of EUR, USD"),
    ("active_duration", {"active_duration": "0"}, "Must be greater than or equal to 1"),
    ("group_by", {"group_by": ["year", "month"]}, "At most one of year, month, date"),
    ("interval", {"interval": "last last month"}, "Unknown interval"),
    ("interval", {"from": "", "to": ""}, "Choose an interval"),
    ("to", {"to": ""}, "Is mandatory"),
    ("from", {"from": "yesterday-ish"}, "'yesterday-ish' is no date or time"),
    ("to", {"to": "2017-01-01"}, "From 2018-03-01 is after to 2017-01-01: swap them"),
    ("client_tags", {"client_tags": "retial"}, "Unknown client tag 'retial': did you mean 'retail'"),
    ("owners", {"owners": "Twin"}, "Owner 'Twin' is the name of 2: use an id, one of r3, r4"),
    ("packages", {"packages": HOSTILE}, "Unknown package"),
    ("output", {"output": "pdf"}, "'pdf' is none: web, csv, xls, xlsx"),
    ("send_to", {"send_to": "a@example.com"}, "Only a file can be sent: choose CSV"),
    ("send_to", {"send_to": "nobody", "output": "csv"}, "'nobody' is no mail address"),
]


def test_what_is_wrong_stands_beside_its_field(browser, database):
    for field, fields, said in WRONG:
        page = send(browser, **fields)
        assert page.status_code == 422, fields
        assert said.lower() in problem(page, field).lower()
        assert 'aria-invalid="true"' in page.text
        assert "<script>alert" not in page.text
    assert snapshots(database) == []


def test_everything_that_is_wrong_is_said_at_once_and_in_an_address_too(browser):
    wrong = {
        "timezone": "Mars",
        "currency": "usd",
        "active_duration": "x",
        "from": "2018",
        "output": "csv",
        "send_to": "x",
    }
    for page in (send(browser, **wrong), browser.get(f"/?{urlencode(MARCH | wrong)}")):
        assert all(problem(page, field) for field in wrong if field != "output")
        assert 'value="Mars"' in page.text


def test_the_forms_other_buttons_change_what_is_asked_without_a_script(browser):
    owners = {"owners": ["r1", "r2"], "group_by": "month"}
    removed = send(browser, drop="owners:r1", **owners)
    assert (
        removed.headers["location"]
        == "/?from=2018-03-01&to=2018-03-31&client_type=client&owners=r2&group_by=month"
    )
    assert "r2" in send(browser, do="update", **owners).headers["location"]
    assert send(browser, do="save", **owners).headers["location"].startswith("/saved/new?from=2018-03-01")


def test_names_that_attack_are_only_text(browser):
    page = browser.get(f"/?{urlencode({**MARCH, 'owners': HOSTILE, 'packages': HOSTILE, 'saved': HOSTILE})}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&amp;{{ 7*7 }}" in page.text


def test_no_address_is_too_odd(browser):
    for address in (
        "/?interval=last&last=&unit=",
        "/?interval=last+9999+years",
        "/?interval=today&timezone=../../etc/passwd",
        "/?interval=today&active_duration=1e999",
        "/?interval=today&owners=%00&client_tags=%00&packages=%00&currency=%00&timezone=%00&group_by=%00",
        "/?from=9000-12-31&to=9000-12-31&timezone=Asia/Tokyo",
        "/?from=1800-01-01&to=9000-12-31&group_by=date",
        "/?from=%ff&to=%F0%9F%92%A9",
        "/?saved=../x",
        "/?saved=%00",
        "/query/%00",
        "/query/%00/state",
        "/search/nothing",
        "/search/owners?q=%00",
        "/saved?test=%00",
        "/saved/new",
        "/saved/new?interval=today&saved=%00",
        "/saved/new?interval=today&saved=../x",
    ):
        assert browser.get(address).status_code in (200, 404), address


def test_who_may_ask(browser, signed_in_as, browse, open_archive):
    viewer = signed_in_as(Role.VIEWER)
    assert viewer.get("/", follow_redirects=False).headers["location"] == "/archive"
    for address in ("/search/tags", "/search/timezones", "/saved", "/saved/new", "/query/x"):
        assert viewer.get(address).status_code == 403
    nobody = browse(open_archive)
    for address in ("/", "/search/tags", "/saved"):
        assert nobody.get(address, follow_redirects=False).headers["location"].startswith("/sign-in")
    assert nobody.post("/query", data=MARCH).status_code == 403


def test_who_is_bound_to_a_reseller_asks_about_that_one_alone(signed_in_as, database):
    petro = signed_in_as(Role.ANALYST, "r1")
    over(petro, send(petro).headers["location"])
    ((snapshot_id, *_),) = snapshots(database)
    (owner_ids,) = database.execute("select owner_ids from dynamics.snapshots").fetchone()
    assert owner_ids == ["r1"]
    assert "77.77" not in petro.get(f"/view?id={snapshot_id}").text
    unknown = {"owners": "No Such", "client_tags": "no such", "packages": "No Such"}
    theirs = {"owners": "Meridian", "client_tags": "secret vip", "packages": "Gold of Meridian"}
    for field, name in theirs.items():
        said = problem(send(petro, **{field: name}), field).replace(name, "…")
        assert said == problem(send(petro, **{field: unknown[field]}), field).replace(unknown[field], "…")
        assert not {"Meridian", "secret", "Gold", "r2"} & set(said.split())
