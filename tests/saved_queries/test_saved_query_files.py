"""A saved query's file: what a good one says, what is no such file at all, and a folder of them."""

import pytest

from orchestration.errors import RequestError
from orchestration.reporting.resolve import UnknownName
from orchestration.saved_queries.saved_query_file import (
    Problem,
    SavedQueryError,
    check_names,
    load_saved_query,
    read_saved_query,
    report_templates,
)

GOOD = """\
title: Customer Dynamics, month by month
description: The finance team's monthly view of retail clients.
query:
  interval: last 12 months
  timezone: Europe/Kyiv
  client_type: client
  client_tags: [retail]
  owners:
    - Northline Telecom
    - "0042"
  packages: []
  group_by: [month]
  currency: USD
  active_duration: 3
output:
  formats: [xlsx, csv]
  chart: balance_refill_total
delivery:
  schedule: "0 7 1 * *"
  timezone: Europe/Kyiv
  send_to: [finance@example.com]
  cc: []
  bcc:
    - auditor@example.com
    - board@example.com
  subject: "{{ title }}: {{ interval }}"
  on_failure: [data-team@example.com]
"""
SMALL = "title: Small\nquery:\n  interval: today\n"


@pytest.fixture
def write(tmp_path):
    """Writes a file (text or bytes) and gives its path."""

    def write(content: str | bytes, name: str = "monthly.yaml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def problems(write):
    """The problems of a file with this content: (line, key, message)."""

    def problems(content: str | bytes) -> list[tuple[int, str, str]]:
        with pytest.raises(SavedQueryError) as caught:
            read_saved_query(write(content))
        assert "\n" not in str(caught.value)
        return [problem[1:] for problem in caught.value.problems]

    return problems


def test_the_documented_file_says_all_that_it_can(write):
    saved_query = read_saved_query(write(GOOD))
    assert saved_query.name == "monthly"
    assert saved_query.title == "Customer Dynamics, month by month"
    assert saved_query.query.interval == "last 12 months"
    assert saved_query.query.owners == ("Northline Telecom", "0042")
    assert saved_query.output.formats == ("xlsx", "csv")
    assert saved_query.output.chart == "balance_refill_total"
    assert saved_query.delivery.schedule == "0 7 1 * *"
    assert saved_query.delivery.bcc == ("auditor@example.com", "board@example.com")


def test_what_is_left_out_has_its_default(write):
    saved_query = read_saved_query(write(SMALL))
    assert saved_query.description == ""
    assert saved_query.output.formats == ("xlsx",)
    assert saved_query.output.chart is None
    assert saved_query.delivery is None
    assert saved_query.schedule_timezone == "UTC"


def test_a_schedule_runs_in_the_zone_of_the_query_unless_it_names_its_own(write):
    delivery = "delivery:\n  schedule: 0 7 * * *\n  send_to: [a@example.com]\n"
    kyiv = SMALL + "  timezone: Europe/Kyiv\n" + delivery
    assert read_saved_query(write(kyiv)).schedule_timezone == "Europe/Kyiv"
    assert read_saved_query(write(kyiv + "  timezone: Asia/Kolkata\n")).schedule_timezone == "Asia/Kolkata"


def test_values_stay_as_they_are_written(write):
    """YAML would make a boolean, an octal number and a date of these; a tag, an id and a title are text."""
    text = "title: 2018-12-31\nquery:\n  interval: today\n  client_tags: [yes, 1e3]\n  packages: [007]\n"
    saved_query = read_saved_query(write(text))
    assert saved_query.title == "2018-12-31"
    assert saved_query.query.client_tags == ("yes", "1e3")
    assert saved_query.query.packages == ("007",)


def test_a_byte_order_mark_is_no_part_of_the_title(write):
    assert read_saved_query(write(b"\xef\xbb\xbf" + SMALL.encode())).title == "Small"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", 1, "must hold keys and values"),
        ("# nothing but a comment\n", 1, "must hold keys and values"),
        ("\n- title\n", 2, "must hold keys and values"),
        ("just text", 1, "must hold keys and values"),
        (SMALL + "title: Again\n", 4, "the key 'title' stands twice (first in line 1)"),
        (SMALL + "  interval: yesterday\n", 4, "the key 'interval' stands twice (first in line 3)"),
        ("title: x\nquery:\n\tinterval: today\n", 3, "this is no YAML"),
        ("title: 'open\nquery: x\n", 3, "this is no YAML"),
        ("title: x\nquery: [a\n", 3, "this is no YAML"),
        (SMALL + "---\ntitle: second\n", 4, "this is no YAML: but found another document"),
        ("title: &t x\ndescription: *t\n", 2, "an alias (*name) is not allowed"),
        ("a: &a [x]\nb: &b [*a, *a]\nc: [*b, *b]\n", 2, "an alias (*name) is not allowed"),
        ("title: x\nquery: &loop\n  interval: *loop\n", 3, "an alias (*name) is not allowed"),
        ("title: x\n<<: {query: {interval: today}}\n", None, "unknown key"),
        ("title: x\nquery: !!python/object/apply:os.system [id]\n", 2, "is not allowed: write a plain value"),
        ("title: !secret x\n", 1, "the tag '!secret' is not allowed"),
        ("title: !!binary aGk=\n", 1, "is not allowed"),
        ("title: x\n? [a, b]\n: c\n", 2, "a key must be a word"),
        (b"title: x\ndescription: caf\xe9\n", 2, "this is not UTF-8"),
        (SMALL.encode("utf-16"), 1, "this is not UTF-8"),
        ("title: x\ndescription: \x00\n", 2, "the character"),
        ("[" * 5_000, 1, "nested too deeply"),
        ("title: " + "x" * 100_000, 1, "larger than 100 kB"),
    ],
)
def test_what_is_no_plain_mapping_is_refused_at_its_line(problems, content, line, message):
    found = problems(content)
    assert any(found_line == line or line is None for found_line, _, _ in found)
    assert any(message in found_message for _, _, found_message in found)


def test_a_hostile_key_cannot_write_a_second_line(problems):
    found = problems('"a.b\\n/etc/passwd:1: ok": 1\n"": 2\n' + SMALL)
    assert [message for _, _, message in found if "unknown key" in message]


@pytest.mark.parametrize(
    "name", ["Monthly.yaml", "a b.yaml", "_x.yaml", "monthly.yml", f"{'x' * 64}.yaml", "é.yaml"]
)
def test_a_name_that_others_could_not_use_is_refused(write, name):
    with pytest.raises(SavedQueryError, match=r":1: name the file NAME\.yaml"):
        read_saved_query(write(SMALL, name))


def test_a_file_that_is_not_there_or_no_file_is_told(tmp_path):
    with pytest.raises(SavedQueryError, match=r"gone\.yaml:1: there is no such file"):
        read_saved_query(tmp_path / "gone.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(SavedQueryError, match="there is no such file"):
        read_saved_query(tmp_path / "folder.yaml")


def test_the_path_is_shown_as_a_user_would_type_it(write, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SavedQueryError, match=r"^monthly\.yaml:1: query: is missing: The parameters of the report\.$"
    ):
        read_saved_query(write("title: x\n"))


def test_a_broken_file_stops_nothing_else(write, tmp_path):
    write(SMALL, "b.yaml")
    write(SMALL, "a.yaml")
    write("title: [", "broken.yaml")
    write(SMALL, "old.yml")
    write("{}", "saved-query.schema.json")
    saved_queries, problems = report_templates(tmp_path)
    assert list(saved_queries) == ["a", "b"]
    assert [problem.file.rsplit("/")[-1] for problem in problems] == ["broken.yaml", "old.yml"]


def test_names_that_dagster_would_take_for_one_are_told_apart(write, tmp_path):
    write(SMALL, "by-month.yaml")
    write(SMALL, "by_month.yaml")
    saved_queries, problems = report_templates(tmp_path)
    assert list(saved_queries) == ["by-month"]
    assert "its name is too close to by-month.yaml" in str(problems[0])


def test_a_folder_that_is_not_there_is_a_wrong_request(tmp_path):
    with pytest.raises(RequestError, match="DYNAMICS_TEMPLATES"):
        report_templates(tmp_path / "gone")


def test_a_saved_query_is_found_by_its_name(write, tmp_path):
    write(SMALL)
    assert load_saved_query(tmp_path, "monthly").title == "Small"
    with pytest.raises(RequestError, match="unknown saved query 'montly': did you mean 'monthly'"):
        load_saved_query(tmp_path, "montly")
    with pytest.raises(RequestError, match=r"unknown saved query '\.\./x': there are monthly"):
        load_saved_query(tmp_path, "../x")


def test_names_that_the_data_does_not_know_are_told_where_they_stand(write):
    path = write(GOOD)
    saved_query = read_saved_query(path)

    def unknown_names(query):
        yield UnknownName("owners", f"unknown owner {query.owners[1]!r}: known are 'Northline Telecom'")
        yield UnknownName("currency", "unknown currency 'USD': use one of EUR")

    assert check_names(saved_query, path, unknown_names) == [
        Problem(str(path), 8, "query.owners", "unknown owner '0042': known are 'Northline Telecom'"),
        Problem(str(path), 13, "query.currency", "unknown currency 'USD': use one of EUR"),
    ]
    assert check_names(saved_query, path, lambda _: []) == []
