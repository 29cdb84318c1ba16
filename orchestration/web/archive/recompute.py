"""The target `/archive/{id}/again`, which computes a stored report again from the current data."""

from datetime import UTC, datetime, timedelta

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.archive import Manifest
from orchestration.errors import DynamicsError, Unavailable
from orchestration.rendering import to_sentence
from orchestration.reporting.parameters import Between, ReportQuery
from orchestration.settings import settings
from orchestration.snapshots import SnapshotDetails, create_snapshot
from orchestration.web.access import page
from orchestration.web.archive.snapshot_access import open_for
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_message
from orchestration.web.report.view import LINK_STATUSES
from orchestration.web.scope import restrict_query


@page(Role.ANALYST, statuses=(303, 409, *LINK_STATUSES))
def recompute(request: PageRequest) -> Response:
    """Compute a new snapshot with the same parameters and interval, and compare the two."""
    visitor = request.signed_in_visitor
    now = datetime.now(UTC)
    with request.services.open_archive() as (archive, connection):
        original = open_for(visitor, archive, request.path_parameters["id"]).manifest
        try:
            query = restrict_query(visitor, resolve_stored_query(original), connection)
            snapshot = create_snapshot(
                connection,
                archive,
                query,
                SnapshotDetails(original.title, f"user {visitor.name}", now, chart=original.chart),
                base_currency=settings().base_currency,
                moment=now,
            )
        except Unavailable:
            raise
        except DynamicsError as error:
            return render_message(409, "The report cannot be computed again", to_sentence(str(error)))
    return RedirectResponse(f"/archive/compare?left={original.id}&right={snapshot.manifest.id}", 303)


def resolve_stored_query(manifest: Manifest) -> ReportQuery:
    """Return the query of a snapshot with the interval and the owners that it was resolved to."""
    query = ReportQuery.model_validate(manifest.parameters)
    interval = query.interval
    if not isinstance(interval, Between):
        # A named interval consists of whole days.
        start, end = (
            moment.astimezone(query.zone).date() for moment in (manifest.interval.from_, manifest.interval.to)
        )
        interval = Between(from_=start, to=end - timedelta(days=1))
    return query.model_copy(update={"interval": interval, "owners": manifest.owner_ids or query.owners})


ROUTES = [Route("/archive/{id}/again", recompute, methods=["POST"])]
