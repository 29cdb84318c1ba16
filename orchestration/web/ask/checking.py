"""What is wrong with a form, field by field: found by the very rules of the command line."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.builds.store import current_build
from orchestration.deliveries import on_request
from orchestration.errors import RequestError
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.parameters import ReportQuery, query_problems, read_query
from orchestration.reporting.resolve import UnknownName, unknown_names
from orchestration.settings import settings
from orchestration.web.ask.asked import OUTPUTS, Asked
from orchestration.web.ask.known import packages_held
from orchestration.web.scope import query_within
from orchestration.web.visitor import Visitor

_SECOND = "%Y-%m-%d %H:%M:%S"


class Refused(RequestError):
    """A form that cannot be answered; `problems` says what is wrong with each field, by its name."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


def plain_query(asked: Asked) -> ReportQuery:
    """The query of the form, its names not looked up. Raises Refused with all that is wrong by itself."""
    values = asked.values()
    problems = query_problems(values)
    if "interval" not in values:
        problems["interval"] = "choose an interval, or Exact with From and To"
    if not problems:
        query = read_query(values)
        problems = _refusal("to", lambda: resolve_interval(query, datetime.now(UTC)))
    problems |= _of_output(asked)
    if problems:
        raise Refused(problems)
    return query


def query_of(asked: Asked, visitor: Visitor, connection: Connection[TupleRow]) -> ReportQuery:
    """The query of the form, within what the visitor may see. Raises Refused, and DynamicsError without marts."""
    query = plain_query(asked)
    try:
        within = query_within(visitor, query, connection)
    except UnknownName as unknown:
        raise Refused({unknown.parameter: str(unknown)}) from None
    with current_build(connection) as build:
        strangers = unknown_names(build, within, settings().base_currency)
        problems = {each.parameter: str(each) for each in reversed(strangers)}
        if visitor.owner_id is not None and query.packages:
            # One answer for all that is not theirs, so that nobody learns what other resellers sell.
            held = packages_held(build, visitor.owner_id)
            problems.pop("packages", None)
            for name in query.packages:
                if name not in held:
                    problems["packages"] = f"unknown package {name!r}: none of your clients holds it"
    if problems:
        raise Refused(problems)
    return within


def interval_now(asked: Asked) -> str:
    """From which second to which the form's interval goes, if it is asked for now; nothing for one that is wrong."""
    values = {name: value for name, value in asked.values().items() if name in ("interval", "timezone")}
    try:
        found = resolve_interval(read_query(values), datetime.now(UTC))
    except RequestError:
        return ""
    return f"{found.start.wall:{_SECOND}} to {found.end.wall - timedelta(seconds=1):{_SECOND}}"


def _of_output(asked: Asked) -> dict[str, str]:
    output, send_to = asked.one("output", "web"), asked.several("send_to")
    if output not in OUTPUTS:
        return {"output": f"{output!r} is none: {', '.join(OUTPUTS)}"}
    if send_to and output == "web":
        return {
            "send_to": "only a file can be sent: choose CSV, Excel XLS or Excel XLSx, or leave Send to empty"
        }
    return _refusal("send_to", lambda: on_request.recipients(send_to))


def _refusal(field: str, tried: Callable[[], object]) -> dict[str, str]:
    try:
        tried()
    except RequestError as error:
        return {field: str(error)}
    return {}
