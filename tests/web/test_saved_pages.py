"""Saved queries on the web: saved as files that the reader reads, never over another unasked, listed, loaded, tested."""

import html
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from small_world import HOSTILE, database_url  # noqa: F401 - a fixture
from web_forms import csrf, over, problem

from orchestration import local
from orchestration.saved_queries.saved_query_file import read_saved_query
from orchestration.scheduling.reload import state_of
from orchestration.web.visitor import Role

QUERY = "from=2018-03-01&to=2018-03-31&timezone=Europe%2FKyiv&client_type=client&group_by=month&currency=EUR"

RETAIL = """\
title: Retail
query: {interval: last 12 months, client_tags: [retail], owners: [Northline]}
delivery:
  schedule: "0 7 1 * *"   # on the first
  timezone: Europe/Kyiv
  send_to: [finance@example.com]
  send_if: changed
  attach_at_most: 500 kB
"""


def save(browser, **fields):
    """Fills in Save Query and presses Save."""
    given = {
        "csrf": csrf(browser.get("/saved")),
        "asked": QUERY,
        "do": "save",
        "formats": "xlsx",
        "title": "T",
        **fields,
    }
    return browser.post("/saved/new", data=given, follow_redirects=False)


@pytest.fixture
def retail(templates):
    path = templates / "retail.yaml"
    path.write_text(RETAIL)
    return path


def test_save_query_writes_a_file_as_people_write_it(browser, templates):
    before = state_of(templates)
    answer = save(
        browser,
        name="march",
        title="March",
        description="Of Kyiv: the first line.\nAnd the second.",
        formats=["xlsx", "csv"],
        chart="balance_refill_total",
        schedule="0 7 1 * *",
        send_to="finance@example.com, board@example.com",
        subject="{{ title }} of {{ interval }}",
    )
    assert (answer.status_code, answer.headers["location"]) == (303, "/saved?saved=march")
    assert (
        (templates / "march.yaml").read_text()
        == """\
title: March
description: "Of Kyiv: the first line.\\nAnd the second."
query:
  interval: {from: 2018-03-01, to: 2018-03-31}
  timezone: Europe/Kyiv
  group_by: [month]
  currency: EUR
output:
  formats: [xlsx, csv]
  chart: balance_refill_total
delivery:
  schedule: "0 7 1 * *"
  send_to: [finance@example.com, board@example.com]
  subject: "{{ title }} of {{ interval }}"
"""
    )
    assert read_saved_query(templates / "march.yaml").title == "March"
    assert [path.name for path in templates.iterdir()] == ["march.yaml"]
    assert state_of(templates) != before, "by which a running scheduler knows that it has to look"
    assert "A running scheduler takes it over" in browser.get(answer.headers["location"]).text


def test_an_existing_one_is_replaced_only_after_its_difference_was_shown(browser, retail):
    page = save(
        browser, name="retail", title="Retail, anew", schedule="0 8 1 * *", send_to="finance@example.com"
    )
    assert page.status_code == 200
    assert retail.read_text() == RETAIL
    shown = html.unescape(re.sub("<[^>]+>", "", page.text))
    for line in (
        "-title: Retail",
        "+title: Retail, anew",
        '-  schedule: "0 7 1 * *"   # on the first',
        '+  schedule: "0 8 1 * *"',
    ):
        assert line in shown
    over = re.search('name="over" value="(\\w+)"', page.text)[1]

    retail.write_text(RETAIL.replace("[retail]", "[vip]"))
    again = save(browser, name="retail", title="Retail, anew", send_to="finance@example.com", over=over)
    assert again.status_code == 200
    assert "[vip]" in retail.read_text(), "what was changed meanwhile is shown first"

    over = re.search('name="over" value="(\\w+)"', again.text)[1]
    done = save(browser, name="retail", title="Retail, anew", send_to="finance@example.com", over=over)
    assert done.status_code == 303
    saved = read_saved_query(retail)
    assert saved.title == "Retail, anew"
    assert (saved.delivery.send_if, saved.delivery.attach_at_most) == ("changed", 500_000), (
        "what the form does not ask stays"
    )


WRONG = [
    ({"name": "../outside"}, "name", "'../outside' is no name"),
    ({"name": "März"}, "name", "is no name"),
    ({"name": ""}, "name", "'' is no name"),
    ({"name": "a" * 64}, "name", "is no name"),
    ({"title": ""}, "title", "at least 1 character"),
    ({"title": "a\nb"}, "title", "line break"),
    ({"formats": "pdf"}, "formats", "Unknown value 'pdf'"),
    ({"formats": ""}, "formats", "Must not be empty"),
    ({"chart": "pie"}, "chart", "Unknown value 'pie'"),
    ({"schedule": "0 7 1 *", "send_to": "a@example.com"}, "schedule", "is no cron"),
    ({"schedule": "0 7 1 * *"}, "send_to", "Is missing"),
    ({"send_to": "nobody"}, "send_to", "is no mail address"),
    ({"send_to": "a@example.com", "cc": "A@example.com"}, "cc", "stands twice"),
    ({"send_to": "a@example.com", "schedule_timezone": "Mars"}, "schedule_timezone", "Unknown timezone"),
    ({"send_to": "a@example.com", "subject": "{{ password }}"}, "subject", "Unknown variable"),
]


def test_what_the_reader_would_refuse_is_not_written(browser, templates):
    for fields, field, said in WRONG:
        answer = save(browser, **{"name": "fine", **fields})
        assert answer.status_code in (409, 422), fields
        assert said in problem(answer, field)
    assert not list(templates.iterdir())
    assert not (templates.parent / "outside.yaml").exists()


def test_a_query_that_names_what_is_not_there_is_not_saved(browser, templates):
    answer = save(browser, name="fine", asked=f"{QUERY}&owners=Nobody")
    assert answer.status_code == 422
    assert "unknown owner &#39;Nobody&#39;" in answer.text
    assert not list(templates.iterdir())
    asking = browser.get(f"/saved/new?{QUERY}&owners=Nobody", follow_redirects=False)
    assert asking.headers["location"].startswith("/?from=2018-03-01")


def test_a_name_that_dagster_could_not_tell_from_another_is_refused(browser, retail):
    retail.rename(retail.with_name("re_tail.yaml"))
    answer = save(browser, name="re-tail")
    assert answer.status_code == 409
    assert "too close to 're_tail'" in problem(answer, "name")


def test_load_query_fills_the_form_and_its_report_is_the_saved_querys(browser, retail, database):
    page = browser.get("/?saved=retail")
    assert "Loaded: <strong>Retail</strong>" in page.text
    for field in ('value="12"', 'name="client_tags" value="retail"', 'name="owners" value="Northline"'):
        assert field in page.text
    asked = {"interval": "last 12 months", "client_tags": "retail", "owners": "Northline", "saved": "retail"}
    for changed in ({}, {"currency": "EUR"}):
        sent = {"csrf": csrf(page), "do": "query", "token": "x", **asked, **changed}
        over(browser, browser.post("/query", data=sent, follow_redirects=False).headers["location"])
    kept = database.execute(
        "select title, saved_query from dynamics.snapshots order by generated_at"
    ).fetchall()
    assert kept == [("Retail", "retail"), ("Customer Dynamics", None)]
    assert "unknown saved query" in browser.get("/?saved=no_such").text


def test_the_list_shows_schedules_deliveries_and_what_is_wrong_in_files(browser, retail, templates, database):
    (templates / "broken.yaml").write_text("title: B\nquery: {interval: never}\n")
    (templates / "plain.yaml").write_text(f"title: '{HOSTILE}'\nquery: {{interval: today}}\n")
    database.execute(
        """
        with o as (
            insert into dynamics.occurrences (saved_query, scheduled_at, snapshot_id, generated_by)
            values ('retail', '2018-04-01T04:00Z', 'x', 'schedule') returning occurrence_id
        )
        insert into dynamics.deliveries (occurrence_id, recipient, header, state)
        select occurrence_id, recipient, 'to', state from o,
            (values ('a@example.com', 'sent'), ('b@example.com', 'sent'), ('c@example.com', 'failed')) as r (recipient, state)
        """
    )
    database.commit()
    page = browser.get("/saved").text
    assert "07:00 on day 1 of each month <code>0 7 1 * *</code> Europe/Kyiv" in page
    following = (datetime.now(UTC).replace(day=1) + timedelta(days=32)).replace(day=1)
    assert f"{following:%Y-%m}-01 07:00" in page
    assert re.search(r"2018-04-01 07:00.*1 failed.*2 sent", page, re.DOTALL)
    assert "broken.yaml:2: query.interval: unknown interval" in html.unescape(page)
    assert "<script>alert" not in page


def test_a_test_send_mails_the_tester_alone_and_tells_what_the_server_said(browser, retail, home, database):
    token = csrf(browser.get("/saved"))
    page = browser.post("/saved/retail/test", data={"csrf": token, "to": "tester@saved.example"})
    assert "Test to tester@saved.example: <strong>sent</strong>" in page.text
    mails = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in (local.maildir(home) / "new").iterdir()
    ]
    (mail,) = [mail for mail in mails if "@saved.example" in mail["Delivered-To"]]
    assert mail["Subject"].startswith("[test] Retail")
    recorded = database.execute("select purpose, generated_by from dynamics.occurrences").fetchall()
    assert recorded == [("test", "user local admin")]
    for to, said in (("", "write one"), ("nobody", "no mail address")):
        refused = browser.post("/saved/retail/test", data={"csrf": token, "to": to})
        assert refused.status_code == 422
        assert said in refused.text


def test_who_is_bound_to_a_reseller_sees_and_changes_that_ones_saved_queries_alone(
    signed_in_as, templates, retail
):
    (templates / "of_all.yaml").write_text("title: Of all\nquery: {interval: today}\n")
    (templates / "of_both.yaml").write_text("title: Of both\nquery: {interval: today, owners: [r1, r2]}\n")
    (templates / "broken.yaml").write_text("title: Secret\n")
    petro, other = signed_in_as(Role.ANALYST, "r1"), signed_in_as(Role.ANALYST, "r2")
    seen = petro.get("/saved").text
    assert "Retail" in seen
    assert not {"Of all", "Of both", "broken"} & {
        word for word in ("Of all", "Of both", "broken") if word in seen
    }
    assert "There are none yet" in other.get("/saved").text
    hidden = other.get("/?saved=retail").text.replace("retail", "…")
    assert hidden.count("Northline") == 0
    token = csrf(other.get("/saved"))
    answer = other.post("/saved/retail/test", data={"csrf": token, "to": "a@example.com"})
    unknown = other.post("/saved/nothing/test", data={"csrf": token, "to": "a@example.com"})
    assert (answer.status_code, unknown.status_code) == (422, 422)
    assert "unknown saved query &#39;retail&#39;" in answer.text
    taken = save(other, name="retail")
    assert "choose another name" in problem(taken, "name")
    assert "finance@" not in taken.text
    assert retail.read_text() == RETAIL
    assert save(other, name="mine").status_code == 303
    assert read_saved_query(templates / "mine.yaml").query.owners == ("r2",)


WAITING = """
import sys, time
from starlette.testclient import TestClient
from orchestration.web import create_app

app = create_app(None)
assert "dagster" not in sys.modules
with TestClient(app):
    until = time.monotonic() + 30
    while "dagster._utils.schedules" not in sys.modules:
        assert time.monotonic() < until
        time.sleep(0.05)
"""


def test_a_server_has_what_moments_are_counted_with_before_somebody_asks():
    subprocess.run([sys.executable, "-c", WAITING], check=True, timeout=60)
