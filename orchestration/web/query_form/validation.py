"""The validation of the query form, field by field, by the rules of the command line."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.accounts.visitor import Visitor
from orchestration.builds.store import current_build
from orchestration.deliveries import manual
from orchestration.errors import RequestError
from orchestration.reporting.intervals import resolve_interval
from orchestration.reporting.name_lookup import UnknownName, find_unknown_names
from orchestration.reporting.parameters import ReportQuery, find_query_errors, read_query
from orchestration.settings import settings
from orchestration.web.query_form.fields import OUTPUTS, QueryFormData
from orchestration.web.query_form.lookups import load_held_packages
from orchestration.web.scope import restrict_query

_MOMENT = "%Y-%m-%d %H:%M:%S"


class InvalidForm(RequestError):
    """A form with wrong fields. `problems` holds the problem of each wrong field."""

    def __init__(self, problems: dict[str, str]) -> None:
        super().__init__("; ".join(problems.values()))
        self.problems = problems


def parse_query(form: QueryFormData) -> ReportQuery:
    """Return the query of the form without looking names up.

    Raise InvalidForm if a field is wrong.
    """
    values = form.to_values()
    problems = find_query_errors(values)
    if "interval" not in values:
        problems["interval"] = "choose an interval, or choose Exact and fill in From and To"
    if not problems:
        query = read_query(values)
        problems = _find_problem("to", lambda: resolve_interval(query, datetime.now(UTC)))
    problems |= _find_output_problems(form)
    if problems:
        raise InvalidForm(problems)
    return query


def resolve_query(form: QueryFormData, visitor: Visitor, connection: Connection[TupleRow]) -> ReportQuery:
    """Return the query of the form, limited to the clients that the visitor may see.

    Raise InvalidForm if a field is wrong or a name is unknown. Raise DynamicsError if there are no
    marts.
    """
    query = parse_query(form)
    try:
        restricted = restrict_query(visitor, query, connection)
    except UnknownName as unknown:
        raise InvalidForm({unknown.parameter: str(unknown)}) from None
    with current_build(connection) as build:
        unknown_names = find_unknown_names(build, restricted, settings().base_currency)
        problems = {unknown.parameter: str(unknown) for unknown in reversed(unknown_names)}
        if visitor.owner_id is not None and query.packages:
            # The same message for all other packages hides what other resellers sell.
            held_packages = load_held_packages(build, visitor.owner_id)
            if problems.pop("packages", None):
                problems["packages"] = "several packages have this name: choose a package from the list"
            for name in query.packages:
                if name not in held_packages:
                    problems["packages"] = f"unknown package {name!r}: none of your clients holds it"
    if problems:
        raise InvalidForm(problems)
    return restricted


def describe_interval(form: QueryFormData) -> str:
    """Return the first and last second of the form's interval now.

    Return "" for a wrong interval.
    """
    values = {name: value for name, value in form.to_values().items() if name in ("interval", "timezone")}
    try:
        interval = resolve_interval(read_query(values), datetime.now(UTC))
    except RequestError:
        return ""
    last_second = interval.end.wall_time - timedelta(seconds=1)
    return f"{interval.start.wall_time:{_MOMENT}} to {last_second:{_MOMENT}}"


def _find_output_problems(form: QueryFormData) -> dict[str, str]:
    output, send_to = form.text("output", "web"), form.texts("send_to")
    if output not in OUTPUTS:
        return {"output": f"{output!r} is not a valid output type: use {', '.join(OUTPUTS)}"}
    if send_to and output == "web":
        return {
            "send_to": "only a file can be sent: choose CSV, Excel XLS or Excel XLSx, or leave Send to empty"
        }
    return _find_problem("send_to", lambda: manual.parse_recipients(send_to))


def _find_problem(field: str, check: Callable[[], object]) -> dict[str, str]:
    try:
        check()
    except RequestError as error:
        return {field: str(error)}
    return {}
