"""Tests of the pages of saved queries: save, list, load, and test mail."""

import html
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy

import pytest
from small_world import HOSTILE
from web_forms import read_csrf, read_hidden_field, read_problem, wait_for_job

from orchestration import local
from orchestration.accounts.visitor import Role
from orchestration.saved_queries.reader import read_saved_query
from orchestration.scheduling.reload import fingerprint_files

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
    """Fill in the Save Query form and press Save."""
    values = {
        "csrf": read_csrf(browser.get("/saved")),
        "query": QUERY,
        "do": "save",
        "formats": "xlsx",
        "title": "T",
        **fields,
    }
    return browser.post("/saved/new", data=values, follow_redirects=False)


@pytest.fixture
def database_url(small_world_url):
    """Use the small world as the database."""
    return small_world_url


@pytest.fixture
def retail(templates_folder):
    """Write the saved query `retail`."""
    path = templates_folder / "retail.yaml"
    path.write_text(RETAIL)
    return path


def test_save_query_writes_a_readable_file(browser, templates_folder):
    before = fingerprint_files(templates_folder)
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
        (templates_folder / "march.yaml").read_text()
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
    assert read_saved_query(templates_folder / "march.yaml").title == "March"
    assert [path.name for path in templates_folder.iterdir()] == ["march.yaml"]
    assert fingerprint_files(templates_folder) != before, "a running scheduler notices the new file"
    assert "A running scheduler uses it" in browser.get(answer.headers["location"]).text


def test_replacing_a_saved_query_shows_the_difference_first(browser, retail):
    page = save(
        browser, name="retail", title="Retail, anew", schedule="0 8 1 * *", send_to="finance@example.com"
    )
    assert page.status_code == 200
    assert retail.read_text() == RETAIL
    text = html.unescape(re.sub("<[^>]+>", "", page.text))
    for line in (
        "-title: Retail",
        "+title: Retail, anew",
        '-  schedule: "0 7 1 * *"   # on the first',
        '+  schedule: "0 8 1 * *"',
    ):
        assert line in text
    file_hash = read_hidden_field(page, "over")

    retail.write_text(RETAIL.replace("[retail]", "[vip]"))
    again = save(browser, name="retail", title="Retail, anew", send_to="finance@example.com", over=file_hash)
    assert again.status_code == 200
    assert "[vip]" in retail.read_text(), "a newer change is shown first"

    file_hash = read_hidden_field(again, "over")
    done = save(browser, name="retail", title="Retail, anew", send_to="finance@example.com", over=file_hash)
    assert done.status_code == 303
    saved = read_saved_query(retail)
    assert saved.title == "Retail, anew"
    assert (saved.delivery.send_if, saved.delivery.attach_at_most) == ("changed", 500_000), (
        "keys that the form does not have stay"
    )


WRONG = [
    ({"name": "../outside"}, "name", "'../outside' is not a valid name"),
    ({"name": "März"}, "name", "is not a valid name"),
    ({"name": ""}, "name", "'' is not a valid name"),
    ({"name": "a" * 64}, "name", "is not a valid name"),
    ({"title": ""}, "title", "at least 1 character"),
    ({"title": "a\nb"}, "title", "line break"),
    ({"formats": "pdf"}, "formats", "Unknown value 'pdf'"),
    ({"formats": ""}, "formats", "Must not be empty"),
    ({"chart": "pie"}, "chart", "Unknown value 'pie'"),
    ({"schedule": "0 7 1 *", "send_to": "a@example.com"}, "schedule", "is not a valid cron"),
    ({"schedule": "0 7 1 * *"}, "send_to", "Is missing"),
    ({"send_to": "nobody"}, "send_to", "is not a valid mail address"),
    ({"send_to": "a@example.com", "cc": "A@example.com"}, "cc", "occurs twice"),
    ({"send_to": "a@example.com", "schedule_timezone": "Mars"}, "schedule_timezone", "Unknown timezone"),
    ({"send_to": "a@example.com", "subject": "{{ password }}"}, "subject", "Unknown variable"),
]


def test_an_invalid_saved_query_is_not_written(browser, templates_folder):
    for fields, field, message in WRONG:
        answer = save(browser, **{"name": "fine", **fields})
        assert answer.status_code in (409, 422), fields
        assert message in read_problem(answer, field)
    assert not list(templates_folder.iterdir())
    assert not (templates_folder.parent / "outside.yaml").exists()


def test_a_query_with_unknown_names_is_not_saved(browser, templates_folder):
    answer = save(browser, name="fine", query=f"{QUERY}&owners=Nobody")
    assert answer.status_code == 422
    assert "unknown owner &#39;Nobody&#39;" in answer.text
    assert not list(templates_folder.iterdir())
    redirect = browser.get(f"/saved/new?{QUERY}&owners=Nobody", follow_redirects=False)
    assert redirect.headers["location"].startswith("/?from=2018-03-01")


def test_a_name_too_close_to_another_is_rejected(browser, retail):
    retail.rename(retail.with_name("re_tail.yaml"))
    answer = save(browser, name="re-tail")
    assert answer.status_code == 409
    assert "too similar to the saved query 're_tail'" in read_problem(answer, "name")


def test_load_query_fills_the_form(browser, retail, database):
    page = browser.get("/?saved=retail")
    assert "Loaded: <strong>Retail</strong>" in page.text
    for field in ('value="12"', 'name="client_tags" value="retail"', 'name="owners" value="Northline"'):
        assert field in page.text
    loaded = {"interval": "last 12 months", "client_tags": "retail", "owners": "Northline", "saved": "retail"}
    for change in ({}, {"currency": "EUR"}):
        data = {"csrf": read_csrf(page), "do": "query", "token": "x", **loaded, **change}
        wait_for_job(browser, browser.post("/query", data=data, follow_redirects=False).headers["location"])
    snapshots = database.execute(
        "select title, saved_query from dynamics.snapshots order by generated_at"
    ).fetchall()
    assert snapshots == [("Retail", "retail"), ("Customer Dynamics", None)]
    assert "unknown saved query" in browser.get("/?saved=no_such").text


def test_the_list_shows_schedules_deliveries_and_problems(browser, retail, templates_folder, database):
    (templates_folder / "broken.yaml").write_text("title: B\nquery: {interval: never}\n")
    (templates_folder / "plain.yaml").write_text(f"title: '{HOSTILE}'\nquery: {{interval: today}}\n")
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


def test_a_test_mail_goes_only_to_the_tester(browser, retail, home, database):
    token = read_csrf(browser.get("/saved"))
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
    for to, message in (("", "enter one"), ("nobody", "is not a valid mail address")):
        refused = browser.post("/saved/retail/test", data={"csrf": token, "to": to})
        assert refused.status_code == 422
        assert message in refused.text


def test_a_bound_visitor_sees_only_own_saved_queries(sign_in_as, templates_folder, retail):
    (templates_folder / "of_all.yaml").write_text("title: Of all\nquery: {interval: today}\n")
    (templates_folder / "of_both.yaml").write_text(
        "title: Of both\nquery: {interval: today, owners: [r1, r2]}\n"
    )
    (templates_folder / "broken.yaml").write_text("title: Secret\n")
    petro, other = sign_in_as(Role.ANALYST, "r1"), sign_in_as(Role.ANALYST, "r2")
    text = petro.get("/saved").text
    assert "Retail" in text
    assert not {"Of all", "Of both", "broken"} & {
        word for word in ("Of all", "Of both", "broken") if word in text
    }
    assert "There are no saved queries yet" in other.get("/saved").text
    hidden = other.get("/?saved=retail").text.replace("retail", "…")
    assert hidden.count("Northline") == 0
    token = read_csrf(other.get("/saved"))
    answer = other.post("/saved/retail/test", data={"csrf": token, "to": "a@example.com"})
    unknown = other.post("/saved/nothing/test", data={"csrf": token, "to": "a@example.com"})
    assert (answer.status_code, unknown.status_code) == (422, 422)
    assert "unknown saved query &#39;retail&#39;" in answer.text
    taken = save(other, name="retail")
    assert "choose another name" in read_problem(taken, "name")
    assert "finance@" not in taken.text
    assert retail.read_text() == RETAIL
    assert save(other, name="mine").status_code == 303
    assert read_saved_query(templates_folder / "mine.yaml").query.owners == ("r2",)


WAITING = """
import sys, time
from starlette.testclient import TestClient
from orchestration.web.app import create_app

app = create_app(None)
assert "dagster" not in sys.modules
with TestClient(app):
    deadline = time.monotonic() + 30
    while "dagster._utils.schedules" not in sys.modules:
        assert time.monotonic() < deadline
        time.sleep(0.05)
"""


def test_a_server_loads_the_cron_library_at_its_start():
    subprocess.run([sys.executable, "-c", WAITING], check=True, timeout=60)
