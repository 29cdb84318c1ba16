"""The subject line of a delivery: a small Jinja template that its author's mistakes and a client's name cannot break out of."""

from collections.abc import Mapping
from datetime import UTC, datetime
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING

from orchestration.errors import RequestError

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.sandbox import SandboxedEnvironment

DEFAULT_SUBJECT = "{{ title }}: {{ interval }}"
MAX_LENGTH = 200

_FILTERS = ("capitalize", "default", "lower", "title", "trim", "truncate", "upper")

_EXAMPLE: dict[str, object] = {
    "title": "Title",
    "interval": "2018-01-01 to 2018-12-31",
    "currency": "USD",
    "timezone": "UTC",
    "name": "name",
    "as_of": datetime(2019, 1, 1, 6, tzinfo=UTC),
    "scheduled_at": datetime(2019, 1, 1, 7, tzinfo=UTC),
}
VARIABLES = tuple(_EXAMPLE)
"""What a subject may use; `as_of` and `scheduled_at` are aware datetimes, the others text."""


def check_subject(template: str) -> str:
    """The template, unchanged. Raises ValueError when it uses what does not exist or does not render one plain line."""
    from jinja2 import TemplateSyntaxError, nodes

    from orchestration.mailing.address import safe_header

    safe_header(template)
    try:
        tree = _environment().parse(template)
    except TemplateSyntaxError as error:
        raise ValueError(f"the template is broken: {error.message}") from None
    # Before anything is compiled: Jinja computes constants such as 'x' * 999999999 while it compiles.
    if not _is_plain(tree):
        raise ValueError(
            f"a subject takes values, conditions, .strftime() and the filters {', '.join(_FILTERS)}"
        )
    for name in (node.name for node in tree.find_all(nodes.Name)):
        if name not in _EXAMPLE:
            near = "".join(f", did you mean {match!r}?" for match in get_close_matches(name, VARIABLES, 1))
            raise ValueError(f"unknown variable {name!r}{near or ';'} allowed: {', '.join(VARIABLES)}")
    try:
        render(template, _EXAMPLE)
    except RequestError as error:
        raise ValueError(str(error)) from None
    return template


def render(template: str, values: Mapping[str, object]) -> str:
    """The subject of one mail: one line, at most 200 characters. Raises RequestError when it cannot be made."""
    from orchestration.mailing.address import safe_header

    try:
        subject = " ".join(_environment().from_string(template).render(values).split())
        if not subject:
            raise ValueError("it is empty")  # noqa: TRY301 - told in the same words as the other reasons
        safe_header(subject)
    except Exception as error:  # noqa: BLE001 - what a template's expressions raise is up to its author
        reason = " ".join(str(error).split())
        raise RequestError(f"the subject cannot be rendered: {reason}") from None
    return subject if len(subject) <= MAX_LENGTH else f"{subject[: MAX_LENGTH - 1]}…"


def _is_plain(tree: "nodes.Template") -> bool:
    """Whether the template holds nothing that could run or grow without end, such as a loop or `'x'.rjust(9999999)`."""
    from jinja2 import nodes

    text = (
        nodes.Output,
        nodes.TemplateData,
        nodes.Name,
        nodes.Const,
        nodes.Getattr,
        nodes.Filter,
        nodes.Keyword,
    )
    conditions = (nodes.If, nodes.CondExpr, nodes.Compare, nodes.Operand, nodes.And, nodes.Or, nodes.Not)
    for node in tree.find_all(nodes.Node):
        if isinstance(node, nodes.Call):
            if not (isinstance(node.node, nodes.Getattr) and node.node.attr == "strftime"):
                return False
        elif not isinstance(node, text + conditions) or (
            isinstance(node, nodes.Filter) and node.name not in _FILTERS
        ):
            return False
    return True


@cache
def _environment() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    # A header is plain text: escaping would put `&amp;` into it.
    return SandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
