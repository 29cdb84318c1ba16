"""`/archive`: the snapshots, searched by words, date and who, with what became of their mails."""

from collections.abc import Mapping
from datetime import date, datetime
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import Response

from orchestration.web.pages import page
from orchestration.web.records.opened import parameter_lines
from orchestration.web.records.search import Found, Search, search
from orchestration.web.visitor import Role, needs, signed_in

_LONGEST = 200
"""Characters of a search that make sense."""


@needs(Role.VIEWER)
def archive(request: Request) -> Response:
    """The list, or the form again with what is wrong beside the field."""
    values = {field: request.query_params.get(field, "") for field in ("q", "since", "until", "who", "after")}
    asked, problems = read_search(values)
    found: list[Found] = []
    older = False
    if not problems:
        with request.app.state.open_archive() as (_, connection):
            found, older = search(connection, signed_in(request), asked)
    return page(
        request,
        "records_archive.html.j2",
        400 if problems else 200,
        asked=values,
        problems=problems,
        found=found,
        asked_of=_asked_of,
        newest=_address(values),
        older=_address(values, found[-1]) if older else None,
        searched=asked != Search(),
    )


def read_search(values: Mapping[str, str]) -> tuple[Search, dict[str, str]]:
    """The search that a form or link asks for by `q`, `since`, `until`, `who` and `after`; what is wrong, by field."""
    problems: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for field in ("since", "until"):
        text = values.get(field, "").strip()
        try:
            days[field] = date.fromisoformat(text) if text else None
        except ValueError:
            problems[field] = "write a day as 2018-12-31"
    after = None
    moment, _, snapshot_id = values.get("after", "").partition("/")
    if moment:
        try:
            after = datetime.fromisoformat(moment), snapshot_id
        except ValueError:
            problems["after"] = "this link to older reports is not complete: search again"
    # What Postgres keeps no text with is in no title either.
    words, who = (values.get(field, "").replace("\0", " ")[:_LONGEST].strip() for field in ("q", "who"))
    return Search(words, days.get("since"), days.get("until"), who, after), problems


def _asked_of(found: Found) -> str:
    """What tells reports of one title apart."""
    lines = parameter_lines(found.parameters)
    return ", ".join(lines[name] for name in ("Interval", "Group by", "Owner", "Package") if name in lines)


def _address(values: Mapping[str, str], last: Found | None = None) -> str:
    """The same search from the newest on, or from after the `last` of a page."""
    after = f"{last.generated_at.isoformat()}/{last.snapshot_id}" if last else ""
    return "/archive?" + urlencode(
        {field: value for field, value in {**values, "after": after}.items() if value}
    )
