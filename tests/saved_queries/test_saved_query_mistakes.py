"""Mistakes in the file of a saved query: each is reported with line, key and allowed values."""

from textwrap import dedent

import pytest
from valid_files import FULL

from orchestration.errors import RequestError
from orchestration.saved_queries.reader import SavedQueryError, read_saved_query


def line_of(text: str) -> int:
    """Return the line of a text in the valid file."""
    return FULL[: FULL.index(text)].count("\n") + 1


@pytest.fixture
def problems(tmp_path):
    """Return a function that returns the problems of a file: (line, key, message)."""

    def problems(text: str) -> list[tuple[int, str, str]]:
        (tmp_path / "monthly.yaml").write_text(text)
        with pytest.raises(SavedQueryError) as caught:
            read_saved_query(tmp_path / "monthly.yaml")
        assert "\n" not in str(caught.value)
        return [problem[1:] for problem in caught.value.problems]

    return problems


@pytest.mark.parametrize(
    ("right", "wrong", "key", "message"),
    [
        (
            "description:",
            "descripton:",
            "descripton",
            "unknown key, did you mean 'description'? allowed: title, description,",
        ),
        (
            "  owners:",
            "  owner:",
            "query.owner",
            "unknown key, did you mean 'owners'? allowed: interval, timezone,",
        ),
        ("  chart:", "  graph:", "output.graph", "unknown key; allowed: formats, chart"),
        ("  packages: []", "  send_to: []", "query.send_to", "does not belong here: move it under delivery"),
        ("description:", "schedule:", "schedule", "does not belong here: move it under delivery"),
        (
            "last 12 months",
            "last month",
            "query.interval",
            "unknown interval 'last month': use today, yesterday,",
        ),
        (
            "last 12 months",
            "{from: 2018-01-01}",
            "query.interval.to",
            "is missing: last day, or last second, inclusive",
        ),
        (
            "last 12 months",
            "{from: 2018-02-30, to: 2018-12-31}",
            "query.interval.from",
            "'2018-02-30' is not a valid date or time",
        ),
        (
            "last 12 months",
            "{from: 2018-12-31, to: 2018-01-01}",
            "query.interval",
            "from 2018-12-31 is after to 2018-01-01",
        ),
        (
            "last 12 months",
            "{from: 2018-01-01, til: 2018-12-31, to: 2018-12-31}",
            "query.interval.til",
            "unknown key",
        ),
        (
            "last 12 months",
            "{from_: 2018-01-01, from: 2018-01-01, to: 2018-12-31}",
            "query.interval.from_",
            "unknown key",
        ),
        (
            "timezone: Europe/Kyiv\n  client",
            "timezone: Kyiv\n  client",
            "query.timezone",
            "unknown timezone 'Kyiv'",
        ),
        (
            "client_type: client",
            "client_type: clients",
            "query.client_type",
            "unknown value 'clients', did you mean 'client'?",
        ),
        ('    - "0042"', "    - ", "query.owners[1]", "has no value: give one, or remove the key"),
        (
            "group_by: [month]",
            "group_by: [monthly]",
            "query.group_by[0]",
            "unknown value 'monthly', did you mean 'month'?",
        ),
        (
            "currency: USD",
            "currency: dollars",
            "query.currency",
            "'dollars' is not a valid currency: use an ISO 4217 code such as USD",
        ),
        (
            "active_duration: 3",
            "active_duration: three",
            "query.active_duration",
            "must be a whole number, not 'three'",
        ),
        (
            "active_duration: 3",
            "active_duration: 0",
            "query.active_duration",
            "must be greater than or equal to 1, not '0'",
        ),
        (
            "[xlsx, csv]",
            "xlsx",
            "output.formats",
            "must be a list, such as [one, two], or [] for an empty list, not 'xlsx'",
        ),
        ("[xlsx, csv]", "[]", "output.formats", "must not be empty"),
        ("[xlsx, csv]", "[xlsx, pdf]", "output.formats[1]", "unknown value 'pdf'; allowed: csv, xls, xlsx"),
        ("[xlsx, csv]", "[xlsx, xlsx]", "output.formats", "a format occurs twice"),
        ("balance_refill_total", "balance_refill", "output.chart", "did you mean 'balance_refill_total'?"),
        ("0 7 1 * *", "0 7 32 * *", "delivery.schedule", "'0 7 32 * *' is not a valid cron of five fields"),
        ("0 7 1 * *", "0 0 31 2 *", "delivery.schedule", "never fires within 5 years"),
        (
            "timezone: Europe/Kyiv\n  send",
            "timezone: Mars\n  send",
            "delivery.timezone",
            "unknown timezone 'Mars'",
        ),
        ("[finance@example.com]", "[]", "delivery.send_to", "must not be empty"),
        ("[finance@example.com]", "", "delivery.send_to", "has no value"),
        ("[finance@example.com]", "finance@example.com", "delivery.send_to", "must be a list"),
        (
            "[finance@example.com]",
            "[finance@example.com, nobody]",
            "delivery.send_to[1]",
            "'nobody' is not a valid mail address",
        ),
        (
            "    - board@example.com",
            "    - board at example.com",
            "delivery.bcc[1]",
            "is not a valid mail address",
        ),
        (
            "    - board@example.com",
            '    - "b@example.com\\nBcc: x@y.z"',
            "delivery.bcc[1]",
            "line break or control character",
        ),
        ("cc: []", "cc: [finance@example.com]", "delivery.cc", "finance@example.com occurs twice"),
        (
            "{{ interval }}",
            "{{ intervall }}",
            "delivery.subject",
            "unknown variable 'intervall', did you mean 'interval'?",
        ),
        ("title: Customer Dynamics", 'title: "Two\\nlines"\n#', "title", "line break or control character"),
        ("title: Customer Dynamics", "title: =?UTF-8?Q?hidden?=\n#", "title", "'=?'"),
        ("title: Customer Dynamics", 'title: " "\n#', "title", "must have at least 1 character"),
    ],
)
def test_a_mistake_is_reported_with_line_and_key(problems, right, wrong, key, message):
    assert FULL.count(right) == 1
    line = line_of(right)
    ((actual_line, actual_key, actual_message),) = problems(FULL.replace(right, wrong))
    assert (actual_line, actual_key) == (line, key)
    assert message in actual_message


def test_all_mistakes_are_reported_in_line_order(problems, tmp_path):
    text = dedent("""\
        titel: Two
        query:
          interval: yesterday
          currency: usd
        delivery:
          cc: [x]
        """)
    assert [(line, key) for line, key, _ in problems(text)] == [
        (1, "title"),
        (1, "titel"),
        (4, "query.currency"),
        (5, "delivery.send_to"),
        (6, "delivery.cc[0]"),
    ]
    with pytest.raises(RequestError, match=r"monthly.yaml:1: title: is missing: .+ \(and 4 more\)$"):
        read_saved_query(tmp_path / "monthly.yaml")


def test_too_many_recipients_are_refused(problems):
    many = ", ".join(f"a{number}@example.com" for number in range(500))
    ((line, key, message),) = problems(FULL.replace("cc: []", f"cc: [{many}]"))
    assert (line, key) == (line_of("cc: []"), "delivery.cc")
    assert "501 addresses: at most 500" in message
