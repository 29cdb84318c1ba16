"""`/archive/{id}/again`: the same report once more, from what the data says now, beside the one that was kept."""

from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.archive import Manifest
from orchestration.errors import DynamicsError, Unavailable
from orchestration.reporting.engine import make_report
from orchestration.reporting.parameters import Between, ReportQuery
from orchestration.settings import settings
from orchestration.web.pages import message_page
from orchestration.web.records.opened import open_for
from orchestration.web.scope import query_within
from orchestration.web.visitor import Role, needs, signed_in


@needs(Role.ANALYST)
def again(request: Request) -> Response:
    """Makes a new snapshot of the same parameters and interval, and compares the two."""
    visitor = signed_in(request)
    now = datetime.now(UTC)
    with request.app.state.open_archive() as (archive, connection):
        kept = open_for(visitor, archive, request.path_params["id"]).manifest
        try:
            query = query_within(visitor, same_query(kept), connection)
            report = make_report(
                connection, query, base_currency=settings().base_currency, moment=now, with_clients=True
            )
        except Unavailable:
            raise
        except DynamicsError as error:
            return message_page(409, "The report cannot be computed again", f"{error}.")
        made = archive.keep(
            report, title=kept.title, generated_by=f"user {visitor.name}", generated_at=now, chart=kept.chart
        )
    return RedirectResponse(f"/archive/compare?left={kept.id}&right={made.manifest.id}", 303)


def same_query(kept: Manifest) -> ReportQuery:
    """The query of a snapshot with its interval and its owners as they were resolved: it means the same for ever."""
    query = ReportQuery.model_validate(kept.parameters)
    interval = query.interval
    if not isinstance(interval, Between):  # a name stands for whole days
        first, after = (at.astimezone(query.zone).date() for at in (kept.interval.from_, kept.interval.to))
        interval = Between(from_=first, to=after - timedelta(days=1))
    return query.model_copy(update={"interval": interval, "owners": kept.owner_ids or query.owners})
