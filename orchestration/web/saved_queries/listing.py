"""The page `/saved`: the saved queries with their schedules and last deliveries."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.responses import Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role, Visitor
from orchestration.errors import RequestError
from orchestration.saved_queries.cron import find_moments
from orchestration.saved_queries.cron_description import describe_cron
from orchestration.saved_queries.reader import read_saved_queries
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.settings import settings
from orchestration.web.access import page
from orchestration.web.mails import load_requested_mails
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_page
from orchestration.web.query_form.saved_query_access import may_load

_NEAR = timedelta(days=40)
_FAR = timedelta(days=5 * 366)
"""The reader of saved queries rejects a schedule without a moment in this time."""


@dataclass(frozen=True, slots=True)
class LastDelivery:
    """The last scheduled delivery of a saved query."""

    scheduled_at: datetime
    """With a time zone."""
    snapshot_id: str | None
    """None if the report was not computed."""
    mail_counts: dict[str, int]
    """How many mails are in each state."""


@dataclass(frozen=True, slots=True)
class SavedQueryRow:
    """A saved query in the list."""

    saved_query: SavedQuery
    cron: str | None
    schedule: str | None
    """The cron in words, if the words exist."""
    next_at: datetime | None
    last_delivery: LastDelivery | None


def list_saved_queries(
    connection: Connection[TupleRow], visitor: Visitor
) -> tuple[list[SavedQueryRow], list[str]]:
    """Return the saved queries that the visitor may see, and the problems in the files.

    A bound visitor sees no problems, because nobody knows which reseller a broken file belongs to.
    """
    saved_queries, problems = read_saved_queries(settings().templates)
    last_deliveries = _load_last_deliveries(connection)
    rows = [
        _make_row(saved_query, last_deliveries.get(saved_query.name))
        for saved_query in saved_queries.values()
        if may_load(visitor, saved_query, connection)
    ]
    return rows, [str(problem) for problem in problems] if visitor.owner_id is None else []


def _make_row(saved_query: SavedQuery, last_delivery: LastDelivery | None) -> SavedQueryRow:
    cron = saved_query.delivery.schedule if saved_query.delivery else None
    if cron is None:
        return SavedQueryRow(saved_query, None, None, None, last_delivery)
    now, zone = datetime.now(UTC), saved_query.schedule_timezone
    moments = chain(
        find_moments(cron, zone, now, now + _NEAR), find_moments(cron, zone, now + _NEAR, now + _FAR)
    )
    return SavedQueryRow(saved_query, cron, describe_cron(cron), next(moments, None), last_delivery)


def _load_last_deliveries(connection: Connection[TupleRow]) -> dict[str, LastDelivery]:
    """Return the last delivery of each saved query. It includes the mails of its slices."""
    rows = connection.execute(
        """
        with last as (
            select distinct on (saved_query) occurrence_id, saved_query, scheduled_at, edition, snapshot_id
            from dynamics.occurrences where purpose = 'delivery' and slice = ''
            order by saved_query, scheduled_at desc, edition desc
        ), states as (
            select last.saved_query, d.state, count(*) as mails
            from last
            join dynamics.occurrences o using (saved_query, scheduled_at, edition)
            join dynamics.deliveries d on d.occurrence_id = o.occurrence_id
            where o.purpose = 'delivery'
            group by last.saved_query, d.state
        )
        select saved_query, scheduled_at,
            (select snapshot_id from dynamics.snapshots s where s.snapshot_id = last.snapshot_id),
            (
                select coalesce(jsonb_object_agg(state, mails), '{}')
                from states where states.saved_query = last.saved_query
            )
        from last
        """
    )
    return {
        name: LastDelivery(scheduled_at, snapshot_id, mail_counts)
        for name, scheduled_at, snapshot_id, mail_counts in rows
    }


@page(Role.ANALYST, query=("saved", "test"))
def show_list(request: PageRequest) -> Response:
    """Show the saved queries.

    `saved` names the query that was saved just now. `test` is the snapshot of a test mail.
    """
    return render_list(
        request, 200, saved_name=request.query.text("saved"), test_id=request.query.text("test")
    )


def render_list(
    request: PageRequest, status: int, *, problem: str = "", saved_name: str = "", test_id: str = ""
) -> Response:
    """Return the page with the list. The problem, or the result of an action, appears above it."""
    with request.services.open_archive() as (_, connection):
        try:
            rows, file_problems = list_saved_queries(connection, request.signed_in_visitor)
        except RequestError as error:  # the folder does not exist
            rows, file_problems = [], [str(error)]
        test_mails = load_requested_mails(connection, test_id)
    names = [row.saved_query.name for row in rows]
    return render_page(
        request,
        "saved_queries.html.j2",
        status,
        rows=rows,
        file_problems=file_problems,
        problem=problem,
        test_mails=test_mails,
        saved_name=saved_name if saved_name in names else None,
        format_moment=_format_moment,
    )


def _format_moment(moment: datetime, timezone: str) -> str:
    return f"{moment.astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"


ROUTES = [Route("/saved", show_list)]
