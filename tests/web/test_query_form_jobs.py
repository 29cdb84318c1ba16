"""Tests of the query form: jobs, cancellation, problems of fields, and permissions."""

import re
import threading
from email import message_from_bytes
from urllib.parse import urlencode

import pytest
from small_world import HOSTILE
from stores import alter_store
from waiting import wait_until
from web_forms import read_csrf, read_problem, wait_for_job

from orchestration import local
from orchestration.accounts.visitor import Role
from orchestration.web.query_form import jobs

pytestmark = pytest.mark.usefixtures("templates_folder")

MARCH = {"from": "2018-03-01", "to": "2018-03-31", "client_type": "client"}
RUNNING = "select count(*) from pg_stat_activity where application_name like 'dynamics query %'"


@pytest.fixture
def database_url(small_world_url):
    """Use the small world as the database."""
    return small_world_url


def send(browser, token="one", **fields):
    """Fill in the form and press Query."""
    values = {"csrf": read_csrf(browser.get("/")), "do": "query", "token": token, **MARCH, **fields}
    body = urlencode(
        [
            (name, text)
            for name, texts in values.items()
            for text in ([texts] if isinstance(texts, str) else texts)
        ]
    )
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return browser.post("/query", content=body, headers=headers, follow_redirects=False)


@pytest.fixture
def no_wait(monkeypatch):
    """Show the progress page almost at once."""
    monkeypatch.setattr("orchestration.web.query_form.query.REDIRECT_WAIT_SECONDS", 0.1)


def count_running(database):
    """Return how many jobs run in the database now."""
    database.commit()
    return database.execute(RUNNING).fetchone()[0]


def load_snapshots(database):
    database.commit()
    return database.execute(
        "select snapshot_id, title, saved_query, generated_by from dynamics.snapshots"
    ).fetchall()


def test_a_click_creates_a_snapshot_and_shows_it(browser, database):
    job = send(browser, group_by="month")
    assert job.status_code == 303
    report = wait_for_job(browser, job.headers["location"])
    assert report.status_code == 303
    ((snapshot_id, title, saved_query, by),) = load_snapshots(database)
    assert report.headers["location"] == f"/view?id={snapshot_id}"
    assert (title, saved_query, by) == ("Customer Dynamics", None, "user local admin")
    page = browser.get(report.headers["location"])
    assert page.status_code == 200
    assert "03/2018" in page.text


def test_a_double_click_computes_one_report(browser, open_browser, open_archive, database):
    browser.get("/")  # set the cookie first, so that all clicks send the same one
    other_server = open_browser(open_archive)
    other_server.cookies = browser.cookies
    answers = []
    clicks = [
        threading.Thread(target=lambda client=client: answers.append(send(client)))
        for client in (browser, other_server) * 2
    ]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert len({answer.headers["location"] for answer in answers}) == 1
    wait_for_job(browser, answers[0].headers["location"])
    assert len(load_snapshots(database)) == 1
    for changed in ({"currency": "EUR"}, {"token": "two"}):
        wait_for_job(browser, send(browser, **changed).headers["location"])
    assert len(load_snapshots(database)) == 3


def test_a_slow_report_shows_its_progress(browser, slow_reports, no_wait, database):
    with slow_reports():
        page = send(browser).headers["location"]
        waiting = browser.get(page)
        assert "The report is in progress" in waiting.text
        assert "computing the report" in waiting.text
        state = browser.get(f"{page}/state").json()
        assert (state["step"], state["over"], state["cancellable"]) == ("computing the report", False, True)
        assert 0 < state["seconds"] < 20
        assert not load_snapshots(database)
    assert wait_for_job(browser, page).headers["location"].startswith("/view?id=")


def test_a_cancelled_report_stops_and_leaves_nothing(browser, slow_reports, no_wait, database):
    with slow_reports():
        page = send(browser).headers["location"]
        after = browser.post(f"{page}/cancel", data={"csrf": read_csrf(browser.get(page))})
        assert "Cancelled" in after.text
        wait_until(lambda: not count_running(database), "no job is running")
    assert load_snapshots(database) == []
    assert "Cancelled" in browser.get(page).text


def test_a_visitor_runs_a_limited_number_of_reports(browser, slow_reports, no_wait):
    with slow_reports():
        pages = [
            send(browser, token=str(number)).headers["location"] for number in range(jobs.MAX_RUNNING_JOBS)
        ]
        refused = send(browser, token="one more")
        assert refused.status_code == 429
        assert "you have 2 reports in progress: wait for one of them, or cancel it" in refused.text
        assert 'value="2018-03-31"' in refused.text, "the form keeps its values"
        browser.post(f"{pages[0]}/cancel", data={"csrf": read_csrf(browser.get("/"))})
        wait_for_job(browser, pages[0])
        pages.append(send(browser, token="one more").headers["location"])
    for page in pages[1:]:
        wait_for_job(browser, page)


def test_a_lost_job_is_reported_and_taken_over(browser, database):
    query_string = "from=2018-03-01&to=2018-03-31&client_type=client"
    key = jobs.make_key("one", "local admin", query_string)
    assert jobs.claim(database, key, "local admin", query_string)
    jobs.release(database)
    assert "The server stopped before the report was complete" in browser.get(f"/query/{key}").text
    (reserved,) = database.execute("select snapshot_id from dynamics.query_jobs").fetchone()
    database.commit()
    assert send(browser).headers["location"] == f"/query/{key}"
    assert wait_for_job(browser, f"/query/{key}").headers["location"] == f"/view?id={reserved}"


def test_a_failed_report_shows_the_reason(browser, database):
    alter_store(database, "delete from part_0.exchange_rates")
    page = wait_for_job(browser, send(browser, currency="EUR").headers["location"])
    assert "The report failed" in page.text
    assert "no exchange rate of EUR" in page.text
    assert 'href="/?from=2018-03-01' in page.text
    assert load_snapshots(database) == []


def test_a_job_is_visible_only_to_its_visitor(browser, sign_in_as):
    olena, petro = sign_in_as(Role.ANALYST), sign_in_as(Role.ANALYST, "r1")
    page = send(olena).headers["location"]
    wait_for_job(olena, page)
    for address in (page, f"{page}/state"):
        assert petro.get(address).status_code == 404
    assert petro.post(f"{page}/cancel", data={"csrf": read_csrf(petro.get("/"))}).status_code == 404


def test_a_file_is_offered_and_mailed_to_each_recipient(browser, home, database):
    job = send(browser, output="csv", send_to=["one@ask.example, two@ask.example"])
    page = wait_for_job(browser, job.headers["location"])
    ((snapshot_id, *_),) = load_snapshots(database)
    assert f'href="/view?id={snapshot_id}&amp;format=csv"' in page.text
    for address in ("one@ask.example", "two@ask.example"):
        assert re.search(rf"{address}</th><td><span class=\"state sent\">sent</span>", page.text)
    mails = [message_from_bytes(path.read_bytes()) for path in (local.maildir(home) / "new").iterdir()]
    sent = [mail for mail in mails if "@ask.example" in mail["Delivered-To"]]
    assert len(sent) == 2
    assert next(filter(None, (part.get_filename() for part in sent[0].walk()))).endswith(".csv")
    send(browser, output="csv", send_to=["one@ask.example, two@ask.example"])
    assert database.execute("select count(*) from dynamics.deliveries").fetchone() == (2,), (
        "the same form mails once"
    )


WRONG: list[tuple[str, dict[str, str | list[str]], str]] = [
    ("timezone", {"timezone": "Mars"}, "Unknown timezone 'Mars'"),
    ("client_type", {"client_type": "alien"}, "Must be 'client', 'reseller'"),
    ("currency", {"currency": "usd"}, "Must be an ISO 4217 code"),
    ("currency", {"currency": "XXX"}, "Unknown currency 'XXX': use one of EUR, USD"),
    ("active_duration", {"active_duration": "0"}, "Must be greater than or equal to 1"),
    ("group_by", {"group_by": ["year", "month"]}, "At most one of year, month, date"),
    ("interval", {"interval": "last last month"}, "Unknown interval"),
    ("interval", {"from": "", "to": ""}, "Choose an interval"),
    ("to", {"to": ""}, "Is mandatory"),
    ("from", {"from": "yesterday-ish"}, "'yesterday-ish' is not a valid date or time"),
    ("to", {"to": "2017-01-01"}, "From 2018-03-01 is after to 2017-01-01: swap them"),
    ("client_tags", {"client_tags": "retial"}, "Unknown client tag 'retial': did you mean 'retail'"),
    ("owners", {"owners": "Twin"}, "Owner 'Twin' is the name of 2 owners: use an id, one of r3, r4"),
    ("packages", {"packages": HOSTILE}, "Unknown package"),
    ("output", {"output": "pdf"}, "'pdf' is not a valid output type: use web, csv, xls, xlsx"),
    ("send_to", {"send_to": "a@example.com"}, "Only a file can be sent: choose CSV"),
    ("send_to", {"send_to": "nobody", "output": "csv"}, "'nobody' is not a valid mail address"),
]


def test_each_problem_appears_beside_its_field(browser, database):
    for field, fields, message in WRONG:
        page = send(browser, **fields)
        assert page.status_code == 422, fields
        assert message.lower() in read_problem(page, field).lower()
        assert 'aria-invalid="true"' in page.text
        assert "<script>alert" not in page.text
    assert load_snapshots(database) == []


def test_all_problems_appear_at_once(browser):
    wrong = {
        "timezone": "Mars",
        "currency": "usd",
        "active_duration": "x",
        "from": "2018",
        "output": "csv",
        "send_to": "x",
    }
    for page in (send(browser, **wrong), browser.get(f"/?{urlencode(MARCH | wrong)}")):
        assert all(read_problem(page, field) for field in wrong if field != "output")
        assert 'value="Mars"' in page.text


def test_the_other_buttons_work_without_javascript(browser):
    owners = {"owners": ["r1", "r2"], "group_by": "month"}
    removed = send(browser, drop="owners:r1", **owners)
    assert (
        removed.headers["location"]
        == "/?from=2018-03-01&to=2018-03-31&client_type=client&owners=r2&group_by=month"
    )
    assert "r2" in send(browser, do="update", **owners).headers["location"]
    assert send(browser, do="save", **owners).headers["location"].startswith("/saved/new?from=2018-03-01")


def test_hostile_names_are_escaped(browser):
    page = browser.get(f"/?{urlencode({**MARCH, 'owners': HOSTILE, 'packages': HOSTILE, 'saved': HOSTILE})}")
    assert page.status_code == 200
    assert "<script>alert" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&amp;{{ 7*7 }}" in page.text


def test_odd_addresses_cause_no_server_error(browser):
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


def test_only_analysts_use_the_query_form(browser, sign_in_as, open_browser, open_archive):
    viewer = sign_in_as(Role.VIEWER)
    assert viewer.get("/", follow_redirects=False).headers["location"] == "/archive"
    for address in ("/search/tags", "/search/timezones", "/saved", "/saved/new", "/query/x"):
        assert viewer.get(address).status_code == 403
    nobody = open_browser(open_archive)
    for address in ("/", "/search/tags", "/saved"):
        assert nobody.get(address, follow_redirects=False).headers["location"].startswith("/sign-in")
    assert nobody.post("/query", data=MARCH).status_code == 403


def test_a_bound_visitor_queries_only_own_clients(sign_in_as, database):
    petro = sign_in_as(Role.ANALYST, "r1")
    wait_for_job(petro, send(petro).headers["location"])
    ((snapshot_id, *_),) = load_snapshots(database)
    (owner_ids,) = database.execute("select owner_ids from dynamics.snapshots").fetchone()
    assert owner_ids == ["r1"]
    assert "77.77" not in petro.get(f"/view?id={snapshot_id}").text
    unknown = {"owners": "No Such", "client_tags": "no such", "packages": "No Such"}
    theirs = {"owners": "Meridian", "client_tags": "secret vip", "packages": "Gold of Meridian"}
    for field, name in theirs.items():
        message = read_problem(send(petro, **{field: name}), field).replace(name, "…")
        assert message == read_problem(send(petro, **{field: unknown[field]}), field).replace(
            unknown[field], "…"
        )
        assert not {"Meridian", "secret", "Gold", "r2"} & set(message.split())
