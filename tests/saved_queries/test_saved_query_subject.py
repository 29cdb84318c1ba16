"""The subject of a mail: what its template can use, and that it stays one line."""

from datetime import UTC, datetime

import pytest

from orchestration.errors import RequestError
from orchestration.saved_queries.saved_query import SavedQuery, render_subject
from orchestration.saved_queries.subject import check_subject

VALUES = {
    "interval": "2026-10-01 to 2026-10-31",
    "currency": "EUR",
    "as_of": datetime(2026, 11, 1, 6, tzinfo=UTC),
    "scheduled_at": datetime(2026, 11, 1, 7, tzinfo=UTC),
}


def saved(subject: str | None, title: str = "Finance & more") -> SavedQuery:
    delivery = {"send_to": ["a@example.com"], "subject": subject}
    return SavedQuery.model_validate(
        {"name": "finance", "title": title, "query": {"interval": "previous month"}}
        | ({"delivery": delivery} if subject else {})
    )


@pytest.mark.parametrize(
    ("template", "subject"),
    [
        (None, "Finance & more: 2026-10-01 to 2026-10-31"),
        ("Plain words", "Plain words"),
        ("{{ name }} in {{ currency }}, {{ timezone }}", "finance in EUR, UTC"),
        ("{{ title|upper }}, {{ scheduled_at.strftime('%B %Y') }}", "FINANCE & MORE, November 2026"),
        ("{% if currency == 'EUR' %}Euro{% else %}Other{% endif %}   of  {{ name }}", "Euro of finance"),
    ],
)
def test_a_subject_is_rendered_on_one_line(template, subject):
    assert render_subject(saved(template), VALUES) == subject


def test_a_long_subject_is_cut():
    subject = render_subject(saved("{{ interval }}"), VALUES | {"interval": "x" * 300})
    assert subject == "x" * 199 + "…"


@pytest.mark.parametrize(
    ("template", "reason"),
    [
        ("{{ titel }}", "unknown variable 'titel', did you mean 'title'"),
        ("{% if false %}{{ secret }}{% endif %}", "unknown variable 'secret'; allowed: title, interval"),
        ("{{ title", "the template is not valid"),
        ("{{ title|explode }}", "a subject can use values"),
        ("{{ as_of.nothing }}", "has no attribute 'nothing'"),
        ("{{ scheduled_at.strftime(1) }}", "the subject cannot be rendered"),
        ("{{ '' }}", "it is empty"),
        ("{{ ''.__class__.__mro__ }}", "the subject cannot be rendered"),
        ("{{ ''.__class__.mro() }}", "a subject can use values"),
        ("{% for a in range(99999) %}{{ a }}{% endfor %}", "a subject can use values"),
        ("{{ range }}", "unknown variable 'range'"),
        ("{% for a in title %}{{ a }}{% endfor %}", "a subject can use values"),
        ("{{ 'x' * 999999999 }}", "a subject can use values"),
        ("{{ title.rjust(999999999) }}", "a subject can use values"),
        ("{{ title|center(999999999) }}", "a subject can use values"),
        ("{% include '/etc/passwd' %}", "a subject can use values"),
        ("=?UTF-8?Q?=0A?=", "remove it"),
        ("two\nlines", "write it on one line"),
    ],
)
def test_an_invalid_subject_template_is_refused(template, reason):
    with pytest.raises(ValueError, match=reason.replace("?", r"\?")):
        check_subject(template)


def test_a_value_cannot_inject_a_header():
    assert (
        render_subject(saved("{{ interval }}"), VALUES | {"interval": "a\nBcc: x@example.com"})
        == "a Bcc: x@example.com"
    )
    with pytest.raises(RequestError, match="cannot be rendered"):
        render_subject(saved("{{ interval }}"), VALUES | {"interval": "=?UTF-8?Q?=0ABcc:_x?="})


def test_a_title_is_not_rendered_as_a_template():
    assert render_subject(saved("{{ title }}", title="{{ as_of }}"), VALUES) == "{{ as_of }}"


def test_times_are_in_the_time_zone_of_the_schedule():
    """00:30 on the first of the month in Kolkata is the day before in UTC."""
    saved_query = SavedQuery.model_validate(
        {
            "name": "finance",
            "title": "Finance",
            "query": {"interval": "previous month"},
            "delivery": {
                "timezone": "Asia/Kolkata",
                "send_to": ["a@example.com"],
                "subject": "{{ scheduled_at.strftime('%d %B, %H:%M') }}",
            },
        }
    )
    at = datetime(2026, 10, 31, 19, tzinfo=UTC)
    assert render_subject(saved_query, VALUES | {"scheduled_at": at}) == "01 November, 00:30"
