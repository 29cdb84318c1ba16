"""The page `/archive/{id}`: the details and the mails of one snapshot, and the end of its link."""

from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.web.access import page
from orchestration.web.archive.search import find_entry, find_neighbours
from orchestration.web.archive.snapshot_access import describe_parameters
from orchestration.web.mails import load_snapshot_mails
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_page
from orchestration.web.report.view import LINK_STATUSES


@page(Role.VIEWER, statuses=(200, *LINK_STATUSES))
def show_snapshot(request: PageRequest) -> Response:
    """Show the details of a snapshot. Its link may have ended."""
    visitor = request.signed_in_visitor
    with request.services.open_archive() as (_, connection):
        entry = find_entry(connection, visitor, request.path_parameters["id"])
        if entry is None:
            raise HTTPException(404)
        previous_id, next_id = find_neighbours(connection, entry)
        mails = load_snapshot_mails(connection, entry.snapshot_id)
    return render_page(
        request,
        "archive_snapshot.html.j2",
        entry=entry,
        parameters=describe_parameters(entry.parameters),
        previous_id=previous_id,
        next_id=next_id,
        mails=mails,
        # A mail address is personal data.
        shows_addresses=visitor.may(Role.ANALYST),
    )


@page(Role.ADMIN, form=("sure",), statuses=(303, *LINK_STATUSES))
def revoke(request: PageRequest) -> Response:
    """Revoke the link for ever, if the form confirms it."""
    snapshot_id = request.path_parameters["id"]
    if request.form.text("sure") == "yes":
        with request.services.open_archive() as (archive, connection):
            if find_entry(connection, request.signed_in_visitor, snapshot_id) is None:
                raise HTTPException(404)
            archive.revoke(snapshot_id)
    return RedirectResponse(f"/archive/{snapshot_id}", 303)


ROUTES = [
    Route("/archive/{id}", show_snapshot),
    Route("/archive/{id}/revoke", revoke, methods=["POST"]),
]
