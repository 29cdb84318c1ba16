"""`/saved`: the saved queries, when they were and will be delivered, and what is wrong with which file."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestration.errors import RequestError
from orchestration.saved_queries.cron import moments
from orchestration.saved_queries.cron_words import cron_words
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.saved_queries.saved_query_file import report_templates
from orchestration.settings import settings
from orchestration.web.ask.load import may_load
from orchestration.web.ask.mails import mails_of
from orchestration.web.pages import page
from orchestration.web.visitor import Role, Visitor, needs, signed_in

_FAR = timedelta(days=5 * 366)
"""A schedule that does not fire so soon is refused where it is read."""


@dataclass(frozen=True, slots=True)
class Last:
    """The last scheduled delivery of a saved query: its moment (aware), its report, and how many mails have which state."""

    scheduled_at: datetime
    snapshot_id: str | None
    """None when its report was never made."""
    states: dict[str, int]


@dataclass(frozen=True, slots=True)
class Listed:
    """A saved query as the list shows it. Moments are in the zone of its schedule."""

    saved_query: SavedQuery
    cron: str | None
    words: str | None
    next_at: datetime | None
    last: Last | None


def listed(connection: Connection[TupleRow], visitor: Visitor) -> tuple[list[Listed], list[str]]:
    """The saved queries that the visitor may see, and what is wrong with files, a line each.

    Whoever may not see all saved queries is not told of broken ones: nobody can say whose they are.
    """
    saved_queries, problems = report_templates(settings().templates)
    lasts = _lasts(connection)
    found = [
        _listed(each, lasts.get(each.name))
        for each in saved_queries.values()
        if may_load(visitor, each, connection)
    ]
    return found, [str(problem) for problem in problems] if visitor.owner_id is None else []


def _listed(saved_query: SavedQuery, last: Last | None) -> Listed:
    cron = saved_query.delivery.schedule if saved_query.delivery else None
    if cron is None:
        return Listed(saved_query, None, None, None, last)
    now, zone = datetime.now(UTC), saved_query.schedule_timezone
    near, far = now + timedelta(days=40), now + _FAR
    next_at = next(chain(moments(cron, zone, now, near), moments(cron, zone, near, far)), None)
    return Listed(saved_query, cron, cron_words(cron), next_at, last)


def _lasts(connection: Connection[TupleRow]) -> dict[str, Last]:
    """The last delivery of each saved query, slices with the whole."""
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
        select saved_query, scheduled_at, (select snapshot_id from dynamics.snapshots s where s.snapshot_id = last.snapshot_id),
            (select coalesce(jsonb_object_agg(state, mails), '{}') from states where states.saved_query = last.saved_query)
        from last
        """
    )
    return {name: Last(at, snapshot_id, states) for name, at, snapshot_id, states in rows}


@needs(Role.ANALYST)
def saved_page(request: Request) -> Response:
    """The list; `saved` names what was saved just now, `test` the snapshot of a test send, `problem` why there was none."""
    return list_page(request, 200)


def list_page(request: Request, status: int, problem: str = "") -> Response:
    """The list, with a problem above it."""
    given = request.query_params
    with request.app.state.open_archive() as (_, connection):
        try:
            found, problems = listed(connection, signed_in(request))
        except RequestError as error:  # no folder
            found, problems = [], [str(error)]
        mails = mails_of(connection, given["test"]) if "test" in given else []
    done = next(
        (each.saved_query.name for each in found if each.saved_query.name == given.get("saved")), None
    )
    return page(
        request,
        "saved_list.html.j2",
        status,
        found=found,
        problems=problems,
        problem=problem,
        mails=mails,
        done=done,
        moment=_moment,
    )


def _moment(at: datetime, zone: str) -> str:
    return f"{at.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M}"


ROUTES = [Route("/saved", saved_page)]
