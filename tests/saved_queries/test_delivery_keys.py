"""The delivery keys about waiting, `send_if`, slices and the size of attachments."""

from datetime import timedelta

import pytest
from valid_files import PARTNERS

from orchestration.reporting.name_lookup import UnknownName
from orchestration.saved_queries.reader import SavedQueryError, check_names, read_saved_query

SMALL = "title: Small\nquery: {interval: today}\ndelivery:\n  send_to: [a@example.com]\n"


@pytest.fixture
def write(tmp_path):
    def write(text):
        (tmp_path / "partners.yaml").write_text(text)
        return tmp_path / "partners.yaml"

    return write


@pytest.fixture
def problems(write):
    """Return a function that returns the problems of a file: (line, key, message)."""

    def problems(text):
        with pytest.raises(SavedQueryError) as caught:
            read_saved_query(write(text))
        return [problem[1:] for problem in caught.value.problems]

    return problems


def line_of(text):
    return PARTNERS[: PARTNERS.index(text)].count("\n") + 1


def test_all_delivery_keys_are_read(write):
    delivery = read_saved_query(write(PARTNERS)).delivery
    assert (delivery.catch_up, delivery.after, delivery.stale) == ("all", "fresh", "send")
    assert delivery.wait_at_most == timedelta(days=2)
    assert [threshold.row for threshold in delivery.send_if] == [
        "Clients - Active / Qty",
        "Clients - All / Balance",
    ]
    assert delivery.owners == {
        "Northline Telecom": ("accounts@northline.example",),
        "0042": ("b@example.com", "c@example.com"),
    }
    assert delivery.attach_at_most == 500_000


def test_the_defaults_of_the_delivery_keys(write):
    delivery = read_saved_query(write(SMALL)).delivery
    assert (delivery.catch_up, delivery.after, delivery.stale) == ("latest", None, "fail")
    assert delivery.wait_at_most == timedelta(hours=6)
    assert delivery.send_if == "always"
    assert (delivery.split_by, delivery.owners) == (None, {})
    assert delivery.attach_at_most == 10_000_000


@pytest.mark.parametrize(
    ("right", "wrong", "key", "message"),
    [
        ("catch_up: all", "catch_up: newest", "catch_up", "unknown value 'newest'"),
        ("after: fresh", "after: refresh", "after", "did you mean 'fresh'? allowed: fresh"),
        ("wait_at_most: 2d", "wait_at_most: 6", "wait_at_most", "such as 30m, 6h or 2d"),
        ("wait_at_most: 2d", "wait_at_most: 6 hours", "wait_at_most", "'6 hours' is not a valid duration"),
        ("wait_at_most: 2d", "wait_at_most: 0h", "wait_at_most", "is not a valid duration"),
        ("wait_at_most: 2d", "wait_at_most: 99999d", "wait_at_most", "is not a valid duration"),
        ("stale: send", "stale: wait", "stale", "unknown value 'wait'; allowed: fail, send"),
        ('    - \'"Clients - All / Balance" is', '    - \'"Clients - All / Balence" is', "send_if[1]", "unknown row"),
        ("is below -5000'", "is under -5000'", "send_if[1]", "is not a valid threshold"),
        ("attach_at_most: 500 kB", "attach_at_most: 10", "attach_at_most", "such as 500 kB or 10 MB"),
        ("attach_at_most: 500 kB", "attach_at_most: 1 GB", "attach_at_most", "'1 GB' is not a valid size"),
        ("attach_at_most: 500 kB", "attach_at_most: -1 MB", "attach_at_most", "is not a valid size"),
        ("split_by: owner", "split_by: package", "split_by", "unknown value 'package'"),
        ("      - b@example.com", "      - b@", "owners.0042[0]", "is not a valid mail address"),
        ("      - b@example.com", "      - C@example.com", "owners", "an address of 0042 occurs twice"),
        ("[accounts@northline.example]", "[]", "owners", "Northline Telecom has no address"),
        ("[accounts@northline.example]", "a@example.com", "owners.Northline Telecom", "must be a list"),
        ("finance@example.com", "finance@ex\u0430mple.com", "send_to[0]", "domain that is not ASCII"),
        ("data-team@example.com", '"a\\u202e@example.com"', "on_failure[0]", "unsafe characters"),
        ('"0 7 1 * *"', '"0 7 30 2 *"', "schedule", "never fires within 5 years"),
    ],
)  # fmt: skip
def test_a_mistake_is_reported_with_line_and_key(problems, right, wrong, key, message):
    assert PARTNERS.count(right) == 1
    actual = problems(PARTNERS.replace(right, wrong))
    line = line_of("owners:" if key == "owners" else right)
    ((actual_line, actual_key, actual_message),) = actual
    assert (actual_line, actual_key) == (line, f"delivery.{key}")
    assert message in actual_message


def test_a_wrong_word_of_send_if_is_reported(problems):
    ((line, key, message),) = problems(f"{SMALL}  send_if: change\n")
    assert (line, key) == (5, "delivery.send_if")
    assert "did you mean 'changed'? allowed: always, changed, any_data" in message


def test_split_by_and_owners_need_each_other(problems):
    ((line, key, message),) = problems(f"{SMALL}  split_by: owner\n")
    assert (line, key) == (3, "delivery.owners")
    assert message == "is missing: The addresses of each reseller (name or id), for `split_by: owner`."
    ((line, key, message),) = problems(SMALL + "  owners: {Northline Telecom: [a@example.com]}\n")
    assert (line, key) == (5, "delivery.owners")
    assert "split_by: owner" in message


def test_a_fall_needs_periods(problems):
    ((line, key, message),) = problems(PARTNERS.replace("  group_by: [month]\n", ""))
    assert (line, key) == (line_of("    - '\"Clients - Active") - 1, "delivery.send_if[0]")
    assert "group the query by year, month or date" in message


def test_an_owner_has_a_limit_of_addresses(problems):
    many = ", ".join(f"a{number}@example.com" for number in range(501))
    ((line, key, message),) = problems(PARTNERS.replace("[accounts@northline.example]", f"[{many}]"))
    assert (line, key) == (line_of("owners:"), "delivery.owners")
    assert "Northline Telecom has 501 addresses: at most 500" in message


def test_an_unknown_owner_is_reported_with_its_line(write):
    def unknown_names(query):
        return [UnknownName("owners", f"unknown owner {name!r}") for name in query.owners if name == "0042"]

    path = write(PARTNERS)
    ((_, line, key, message),) = check_names(read_saved_query(path), path, unknown_names)
    assert (line, key) == (line_of('"0042"'), "delivery.owners.0042")
    assert message == "unknown owner '0042'"
