"""The page `/archive`: a searchable list of snapshots with the states of their mails."""

from collections.abc import Mapping
from datetime import date, datetime
from urllib.parse import urlencode

from starlette.responses import Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.reporting.query_parameters import QUERY_PARAMETERS
from orchestration.web.access import page
from orchestration.web.archive.search import ArchiveEntry, SearchCriteria, search_archive
from orchestration.web.archive.snapshot_access import describe_parameters
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_page

_FIELDS = ("q", "since", "until", "who", "after")
_MAX_SEARCH_LENGTH = 200
"""Characters of a search text that are used."""
_SUMMARY = ("interval", "group_by", "owners", "packages")
"""The parameters that distinguish reports with the same title."""


@page(Role.VIEWER, query=_FIELDS, statuses=(200, 400))
def list_archive(request: PageRequest) -> Response:
    """Show the matching snapshots.

    Show the form with the problems of its fields if a field is wrong.
    """
    values = {field: request.query.text(field) for field in _FIELDS}
    criteria, problems = parse_criteria(values)
    entries: list[ArchiveEntry] = []
    has_older = False
    if not problems:
        with request.services.open_archive() as (_, connection):
            entries, has_older = search_archive(connection, request.signed_in_visitor, criteria)
    return render_page(
        request,
        "archive_list.html.j2",
        400 if problems else 200,
        values=values,
        problems=problems,
        entries=entries,
        summarize=_summarize,
        newest_address=_build_address(values),
        older_address=_build_address(values, entries[-1]) if has_older else None,
        is_filtered=criteria != SearchCriteria(),
    )


def parse_criteria(values: Mapping[str, str]) -> tuple[SearchCriteria, dict[str, str]]:
    """Return the criteria of a form or an address, and the problem of each wrong field."""
    problems: dict[str, str] = {}
    days: dict[str, date | None] = {}
    for field in ("since", "until"):
        text = values.get(field, "").strip()
        try:
            days[field] = date.fromisoformat(text) if text else None
        except ValueError:
            problems[field] = "write a date such as 2018-12-31"
    after = None
    moment, _, snapshot_id = values.get("after", "").partition("/")
    if moment:
        try:
            after = datetime.fromisoformat(moment), snapshot_id
        except ValueError:
            problems["after"] = "this link to older reports is not complete: search again"
    # Postgres stores no NUL character, so no title contains one.
    words, author = (
        values.get(field, "").replace("\0", " ")[:_MAX_SEARCH_LENGTH].strip() for field in ("q", "who")
    )
    return SearchCriteria(words, days.get("since"), days.get("until"), author, after), problems


def _summarize(entry: ArchiveEntry) -> str:
    """Return the main parameters of a snapshot in words."""
    descriptions = describe_parameters(entry.parameters)
    labels = [QUERY_PARAMETERS[key].label for key in _SUMMARY]
    return ", ".join(descriptions[label] for label in labels if label in descriptions)


def _build_address(values: Mapping[str, str], last: ArchiveEntry | None = None) -> str:
    """Return the address of the first page of the search, or of the page after `last`."""
    after = f"{last.generated_at.isoformat()}/{last.snapshot_id}" if last else ""
    return "/archive?" + urlencode(
        {field: value for field, value in {**values, "after": after}.items() if value}
    )


ROUTES = [Route("/archive", list_archive)]
