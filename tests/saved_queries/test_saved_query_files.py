"""Files of saved queries: a valid file, files that cannot be read, and a folder."""

import pytest
from valid_files import FULL

from orchestration.domain import ClientType
from orchestration.errors import RequestError
from orchestration.reporting.name_lookup import UnknownName
from orchestration.saved_queries.reader import (
    Problem,
    SavedQueryError,
    check_names,
    load_saved_query,
    read_saved_queries,
    read_saved_query,
)
from orchestration.saved_queries.writer import format_yaml

SMALL = "title: Small\nquery:\n  interval: today\n"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(content: str | bytes, name: str = "monthly.yaml"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def problems(write):
    """Return a function that returns the problems of a file: (line, key, message)."""

    def problems(content: str | bytes) -> list[tuple[int, str, str]]:
        with pytest.raises(SavedQueryError) as caught:
            read_saved_query(write(content))
        assert "\n" not in str(caught.value)
        return [problem[1:] for problem in caught.value.problems]

    return problems


def test_the_documented_file_is_read(write):
    saved_query = read_saved_query(write(FULL))
    assert saved_query.name == "monthly"
    assert saved_query.title == "Customer Dynamics, month by month"
    assert saved_query.query.interval == "last 12 months"
    assert saved_query.query.owners == ("Northline Telecom", "0042")
    assert saved_query.output.formats == ("xlsx", "csv")
    assert saved_query.output.chart == "balance_refill_total"
    assert saved_query.delivery.schedule == "0 7 1 * *"
    assert saved_query.delivery.bcc == ("auditor@example.com", "board@example.com")


def test_missing_keys_have_defaults(write):
    saved_query = read_saved_query(write(SMALL))
    assert saved_query.description == ""
    assert saved_query.output.formats == ("xlsx",)
    assert saved_query.output.chart is None
    assert saved_query.delivery is None
    assert saved_query.schedule_timezone == "UTC"


def test_the_time_zone_of_a_schedule(write):
    delivery = "delivery:\n  schedule: 0 7 * * *\n  send_to: [a@example.com]\n"
    kyiv = SMALL + "  timezone: Europe/Kyiv\n" + delivery
    assert read_saved_query(write(kyiv)).schedule_timezone == "Europe/Kyiv"
    assert read_saved_query(write(kyiv + "  timezone: Asia/Kolkata\n")).schedule_timezone == "Asia/Kolkata"


def test_values_stay_text(write):
    """YAML would convert these to a boolean, an octal number and a date."""
    text = "title: 2018-12-31\nquery:\n  interval: today\n  client_tags: [yes, 1e3]\n  packages: [007]\n"
    saved_query = read_saved_query(write(text))
    assert saved_query.title == "2018-12-31"
    assert saved_query.query.client_tags == ("yes", "1e3")
    assert saved_query.query.packages == ("007",)


def test_a_byte_order_mark_is_ignored(write):
    assert read_saved_query(write(b"\xef\xbb\xbf" + SMALL.encode())).title == "Small"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("", 1, "must hold keys and values"),
        ("# nothing but a comment\n", 1, "must hold keys and values"),
        ("\n- title\n", 2, "must hold keys and values"),
        ("just text", 1, "must hold keys and values"),
        (SMALL + "title: Again\n", 4, "the key 'title' occurs twice (first in line 1)"),
        (SMALL + "  interval: yesterday\n", 4, "the key 'interval' occurs twice (first in line 3)"),
        ("title: x\nquery:\n\tinterval: today\n", 3, "this is not valid YAML"),
        ("title: 'open\nquery: x\n", 3, "this is not valid YAML"),
        ("title: x\nquery: [a\n", 3, "this is not valid YAML"),
        (SMALL + "---\ntitle: second\n", 4, "this is not valid YAML: but found another document"),
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
def test_wrong_yaml_is_refused_with_its_line(problems, content, line, message):
    actual = problems(content)
    assert any(actual_line == line or line is None for actual_line, _, _ in actual)
    assert any(message in actual_message for _, _, actual_message in actual)


def test_a_key_cannot_add_a_line_to_the_message(problems):
    actual = problems('"a.b\\n/etc/passwd:1: ok": 1\n"": 2\n' + SMALL)
    assert [message for _, _, message in actual if "unknown key" in message]


@pytest.mark.parametrize(
    "name", ["Monthly.yaml", "a b.yaml", "_x.yaml", "monthly.yml", f"{'x' * 64}.yaml", "é.yaml"]
)
def test_an_invalid_file_name_is_refused(write, name):
    with pytest.raises(SavedQueryError, match=r":1: name the file NAME\.yaml"):
        read_saved_query(write(SMALL, name))


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(SavedQueryError, match=r"gone\.yaml:1: the file does not exist"):
        read_saved_query(tmp_path / "gone.yaml")
    (tmp_path / "folder.yaml").mkdir()
    with pytest.raises(SavedQueryError, match="the file does not exist"):
        read_saved_query(tmp_path / "folder.yaml")


def test_the_path_is_relative_to_the_working_folder(write, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        SavedQueryError, match=r"^monthly\.yaml:1: query: is missing: The parameters of the report\.$"
    ):
        read_saved_query(write("title: x\n"))


def test_a_broken_file_does_not_stop_the_others(write, tmp_path):
    write(SMALL, "b.yaml")
    write(SMALL, "a.yaml")
    write("title: [", "broken.yaml")
    write(SMALL, "old.yml")
    write("{}", "saved-query.schema.json")
    saved_queries, problems = read_saved_queries(tmp_path)
    assert list(saved_queries) == ["a", "b"]
    assert [problem.file.rsplit("/")[-1] for problem in problems] == ["broken.yaml", "old.yml"]


def test_names_with_the_same_identifier_are_refused(write, tmp_path):
    write(SMALL, "by-month.yaml")
    write(SMALL, "by_month.yaml")
    saved_queries, problems = read_saved_queries(tmp_path)
    assert list(saved_queries) == ["by-month"]
    assert "its name is too similar to by-month.yaml" in str(problems[0])


def test_a_missing_folder_is_a_wrong_request(tmp_path):
    with pytest.raises(RequestError, match="DYNAMICS_TEMPLATES"):
        read_saved_queries(tmp_path / "gone")


def test_a_saved_query_is_found_by_its_name(write, tmp_path):
    write(SMALL)
    assert load_saved_query(tmp_path, "monthly").title == "Small"
    with pytest.raises(RequestError, match="unknown saved query 'montly': did you mean 'monthly'"):
        load_saved_query(tmp_path, "montly")
    with pytest.raises(RequestError, match=r"unknown saved query '\.\./x': there are monthly"):
        load_saved_query(tmp_path, "../x")


def test_unknown_names_are_reported_with_their_line(write):
    path = write(FULL)
    saved_query = read_saved_query(path)

    def unknown_names(query):
        yield UnknownName("owners", f"unknown owner {query.owners[1]!r}: known are 'Northline Telecom'")
        yield UnknownName("currency", "unknown currency 'USD': use one of EUR")

    assert check_names(saved_query, path, unknown_names) == [
        Problem(str(path), 8, "query.owners", "unknown owner '0042': known are 'Northline Telecom'"),
        Problem(str(path), 13, "query.currency", "unknown currency 'USD': use one of EUR"),
    ]
    assert check_names(saved_query, path, lambda _: []) == []


def test_enum_values_are_written_as_text(tmp_path):
    assert format_yaml(tmp_path, {"client_type": ClientType.CALL_SHOP}) == "client_type: call_shop\n"
