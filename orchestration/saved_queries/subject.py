"""The subject of a report mail: a small and safe subset of Jinja."""

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

_EXAMPLE_VALUES: dict[str, object] = {
    "title": "Title",
    "interval": "2018-01-01 to 2018-12-31",
    "currency": "USD",
    "timezone": "UTC",
    "name": "name",
    "as_of": datetime(2019, 1, 1, 6, tzinfo=UTC),
    "scheduled_at": datetime(2019, 1, 1, 7, tzinfo=UTC),
}
VARIABLES = tuple(_EXAMPLE_VALUES)
"""The variables of a subject. `as_of` and `scheduled_at` are aware datetimes, others are text."""


def check_subject(template: str) -> str:
    """Return the template unchanged.

    Raise ValueError if it uses an unknown variable or does not render to one plain line.
    """
    from jinja2 import TemplateSyntaxError, nodes

    from orchestration.mailing.address import check_header

    check_header(template)
    try:
        tree = _create_environment().parse(template)
    except TemplateSyntaxError as error:
        raise ValueError(f"the template is not valid: {error.message}") from None
    # Check before compiling: the Jinja compiler evaluates constants such as 'x' * 999999999.
    if not _is_safe(tree):
        raise ValueError(
            f"a subject can use values, conditions, .strftime() and the filters {', '.join(_FILTERS)}"
        )
    for name in (node.name for node in tree.find_all(nodes.Name)):
        if name not in _EXAMPLE_VALUES:
            near = "".join(f", did you mean {match!r}?" for match in get_close_matches(name, VARIABLES, 1))
            raise ValueError(f"unknown variable {name!r}{near or ';'} allowed: {', '.join(VARIABLES)}")
    try:
        render_template(template, _EXAMPLE_VALUES)
    except RequestError as error:
        raise ValueError(str(error)) from None
    return template


def render_template(template: str, values: Mapping[str, object]) -> str:
    """Render the subject of one mail: one line of at most 200 characters.

    Raise RequestError if it cannot be rendered.
    """
    from orchestration.mailing.address import check_header

    try:
        subject = " ".join(_create_environment().from_string(template).render(values).split())
        if not subject:
            raise ValueError("it is empty")  # noqa: TRY301 - reported like the other reasons
        check_header(subject)
    except Exception as error:  # noqa: BLE001 - an expression of the template can raise anything
        reason = " ".join(str(error).split())
        raise RequestError(f"the subject cannot be rendered: {reason}") from None
    return subject if len(subject) <= MAX_LENGTH else f"{subject[: MAX_LENGTH - 1]}…"


def _is_safe(tree: "nodes.Template") -> bool:
    """Return True if the template has only text, values, conditions, `.strftime()` and _FILTERS.

    Loops and other calls, such as `'x'.rjust(9999999)`, could run or grow without end.
    """
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
def _create_environment() -> "SandboxedEnvironment":
    from jinja2 import StrictUndefined
    from jinja2.sandbox import SandboxedEnvironment

    # A header is plain text. Escaping would write `&amp;` into it.
    return SandboxedEnvironment(autoescape=False, undefined=StrictUndefined)
