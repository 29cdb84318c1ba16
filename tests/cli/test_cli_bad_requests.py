"""A wrong request changes nothing. Its error is one line with a remedy, and its exit code is 2."""

import shutil

import pytest
from cli_harness import GOLDEN, GOLDEN_QUERY
from stores import alter_store

from orchestration.db import database as database_room

YEAR = ("--from", "2018-01-01", "--to", "2018-12-31")

WRONG_QUERIES = {
    "no interval": ((), "--interval 'last 12 months'"),
    "half an interval": (("--from", "2018-01-01"), "go together"),
    "two intervals": ((*YEAR, "--interval", "today"), "not both"),
    "from after to": (("--from", "2018-12-31", "--to", "2018-01-01"), "swap them"),
    "no date": (("--from", "soon", "--to", "2018-01-01"), "--from: 'soon' is not a valid date"),
    "unknown interval": (("--interval", "last 12 moons"), "last N days|weeks|months|years"),
    "unknown zone": ((*YEAR, "--timezone", "Mars/Phobos"), "Europe/Kyiv"),
    "unknown tag": ((*YEAR, "--client-tag", "retial"), "did you mean 'retail'"),
    "unknown owner": ((*YEAR, "--owner", "Northlin"), "did you mean 'Northline Telecom'"),
    "unknown package": ((*YEAR, "--package", "Nada"), "use one of 'Unlimited 870'"),
    "unknown currency": ((*YEAR, "--currency", "XXX"), "use one of EUR, USD"),
    "small letters": ((*YEAR, "--currency", "usd"), "--currency 'usd'"),
    "unknown client type": ((*YEAR, "--client-type", "human"), "'call_shop'"),
    "unknown group": ((*YEAR, "--group-by", "month,package_name"), "'package_name'"),
    "two time groups": ((*YEAR, "--group-by", "month", "--group-by", "date"), "at most one of"),
    "no duration": ((*YEAR, "--active-duration", "0"), "--active-duration 0"),
    "unknown output": ((*YEAR, "--output", "pdf"), "'xlsx'"),
    "unknown saved query": (("--saved", "montly"), "did you mean 'monthly'?"),
    "a file of no format": ((*YEAR, "--file", "report.pdf"), "add --output csv"),
    "a file of the page": ((*YEAR, "--output", "web", "--file", "a.csv"), "add --output csv"),
    "a file in no folder": ((*YEAR, "--file", "nowhere/a.csv"), "there is no folder nowhere"),
    "a file that is a folder": ((*YEAR, "--output", "csv", "--file", "."), "is a folder"),
    "a mailed page": ((*YEAR, "--send-to", "a@example.com"), "add --output csv, xls or xlsx"),
    "mailed json": ((*YEAR, "--output", "json", "--send-to", "a@example.com"), "not json"),
    "no address": ((*YEAR, "--output", "csv", "--send-to", "a\nBcc: b@example.com"), "line break"),
}


@pytest.mark.parametrize("name", WRONG_QUERIES)
def test_a_wrong_query_changes_nothing(name, cli):
    words, hint = WRONG_QUERIES[name]
    before = cli.holdings()
    result = cli("query", *words)
    assert result.code == 2
    assert hint in result.line()
    assert cli.holdings() == before


def test_a_missing_rate_names_currency_and_date(cli):
    with database_room.connect(cli.database_url) as connection:
        alter_store(connection, "delete from part_0.exchange_rates")
    before = cli.holdings()
    result = cli("query", *GOLDEN_QUERY, "--currency", "EUR")
    assert result.code != 0
    assert "EUR" in result.line()
    assert cli.holdings() == before


WRONG_REQUESTS = {
    "a moment without offset": (
        ("deliver", "monthly", "--at", "2019-01-01T07:00"),
        "2019-01-01T07:00:00Z for UTC",
    ),
    "no moment": (("deliver", "monthly", "--at", "tomorrow"), "is not a valid timestamp"),
    "no address": (("deliver", "monthly", "--to", "nobody"), "is not a valid mail address"),
    "unknown query": (("deliver", "montly"), "did you mean 'monthly'?"),
    "no schedule": (
        ("backfill", "unscheduled", "--from", "2018-01-01T00:00Z", "--to", "2018-02-01T00:00Z"),
        "has no schedule",
    ),
    "no recipient": (("deliver", "unscheduled"), "give --to ADDR"),
    "a mail without a recipient": (("deliver", "unscheduled", "--dry-run"), "give --to ADDR"),
    "backwards": (
        ("backfill", "monthly", "--from", "2019-01-01T00:00Z", "--to", "2018-01-01T00:00Z"),
        "swap them",
    ),
    "unknown delivery": (("deliveries", "show", "7"), "no delivery 7"),
    "unknown delivery again": (("deliveries", "resend", "7"), "no delivery 7"),
    "unknown state": (("deliveries", "list", "--state", "gone"), "'queued'"),
    "unknown snapshot": (("snapshots", "show", "abc"), "no report under this id"),
    "unknown link": (("snapshots", "revoke", "abc"), "no snapshot 'abc'"),
    "no folder": (("load", "nowhere"), "cannot read the folder nowhere"),
    "no clients": (("sample", "extract", "--clients", "0"), "--clients"),
    "a number that is none": (("query", "--active-duration", "three"), "--active-duration"),
}


@pytest.mark.parametrize("name", WRONG_REQUESTS)
def test_a_wrong_request_changes_nothing(name, cli):
    cli.saved_query("unscheduled", "title: T\nquery: {interval: yesterday}\n")
    words, hint = WRONG_REQUESTS[name]
    before = cli.holdings()
    result = cli(*words)
    assert result.code == 2
    assert hint in result.line()
    assert cli.holdings() == before


WRONG_EXTRACTS = {
    "header": ("packages.csv", b"package_id,label\np2,Two\n", ("packages.csv line 1", "'label'")),
    "type": ("clients.csv", b"c3,Three,client,,USD,2018-01-01T00:00:00Z,never\n", ("line 5", "'never'")),
    "naive": (
        "clients.csv",
        b"c3,Three,client,,USD,2018-01-01T00:00:00,2018-01-01T00:00:00Z\n",
        ("created_at",),
    ),
    "duplicate": ("packages.csv", b"p9,Nine\np9,Nine again\n", ("p9",)),
    "unknown client": ("client_tags.csv", b"nobody,retail\n", ("line 5", "'nobody'")),
    "encoding": ("packages.csv", "p2,Café\n".encode("latin-1"), ("line 3", "UTF-8")),
}


@pytest.mark.parametrize("name", WRONG_EXTRACTS)
def test_an_extract_with_a_wrong_row_loads_nothing(name, cli):
    file, rows, hints = WRONG_EXTRACTS[name]
    extract = cli.folder / "extract"
    shutil.copytree(GOLDEN / "source", extract)
    path = extract / file
    good = path.read_bytes()
    path.write_bytes(rows if name == "header" else good.rstrip(b"\n") + b"\n" + rows)
    before = cli.holdings()
    result = cli("load", "extract")
    assert result.code == 2
    line = result.line()
    assert file in line
    assert all(hint in line for hint in hints)
    assert cli.holdings() == before


def test_check_accepts_a_valid_saved_query(cli):
    result = cli("check")
    assert (result.code, result.out) == (0, "saved queries checked: 1, problems: 0\n")
    assert cli("check", "--json").out == "[]\n"


def test_check_shows_every_mistake_with_its_file_and_line(cli):
    cli.saved_query("broken", "title: T\nquery:\n  interval: someday\n  colour: red\n")
    cli.saved_query(
        "strange", "title: T\nquery:\n  interval: today\n  client_tags: [retial]\n  owners: [Nobody]\n"
    )
    cli.saved_query("tabs", "title: T\n\tquery: x\n")
    result = cli("check")
    assert result.code == 2
    lines = result.err.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [
        ["report_templates/broken.yaml:3", "query.interval"],
        ["report_templates/broken.yaml:4", "query.colour"],
        ["report_templates/strange.yaml:4", "query.client_tags"],
        ["report_templates/strange.yaml:5", "query.owners"],
        lines[4].split(": ")[:2],
    ]
    assert lines[4].startswith("report_templates/tabs.yaml:2: ")
    assert result.out == "saved queries checked: 4, problems: 5\n"
    assert cli("check", "report_templates/monthly.yaml").code == 0
    assert '"key": "query.owners"' in cli("check", "report_templates/strange.yaml", "--json").out


def test_a_broken_saved_query_does_not_affect_others(cli):
    cli.saved_query("broken", "title: T\nquery: {interval: someday}\n")
    assert "broken.yaml:2" in cli("query", "--saved", "broken").line()
    assert cli("query", "--saved", "monthly").code == 0


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("base_currency", "usd"),
        ("smtp_url", "smtp://user:s3cr3t#tail@127.0.0.1:1"),
        ("database_url", "mysql://user:s3cr3t@127.0.0.1:1/x"),
        ("database_url", "postgresql://user:s3cr3t/tail@127.0.0.1:1/x"),
        ("database_url", "postgresql://user:s3cr3t%zz@127.0.0.1:1/x"),
        ("database_url", "postgresql://user:s3cr3t@127.0.0.1:1/x?nonsense=s3cr3t"),
        ("mail_from", "nobody"),
    ],
)
def test_an_invalid_setting_is_named_without_its_secret(setting, value, cli):
    before = cli.holdings()
    cli.set(**{setting: value})
    result = cli("deliver", "monthly")
    assert result.code == 2
    assert f"DYNAMICS_{setting.upper()}" in result.line()
    assert "s3cr3t" not in result.err
    assert "tail" not in result.err
    cli.set(database_url=cli.database_url)
    assert cli.holdings() == before


def test_an_empty_database_is_an_error_with_the_first_step(empty_cli, monthly):
    empty_cli.saved_query("monthly", monthly)
    before = empty_cli.holdings()
    for words in (("query", *GOLDEN_QUERY), ("deliver", "monthly")):
        result = empty_cli(*words)
        assert result.code == 1
        assert "`dynamics load DIR`, then run `dynamics build`" in result.line()
    assert "run `dynamics load DIR` first" in empty_cli("build").line()
    after = empty_cli.holdings()
    assert {name: count for name, count in after.items() if count != before[name]} in (
        {},
        {"dynamics.occurrences": 1},  # the moment is recorded, so that it can be completed later
    )
    assert empty_cli("snapshots", "list").out == "no reports\n"
    assert empty_cli("deliveries", "list").out == "no deliveries\n"
    assert "never built" in empty_cli("status").out
    checked = empty_cli("check")
    assert checked.code == 0
    assert "names in the data were not checked" in checked.err
