"""`/archive/{id}`: one snapshot, what became of each of its mails, and the end of its link."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from orchestration.web.pages import page, posted
from orchestration.web.records.opened import parameter_lines
from orchestration.web.records.search import find, mails, neighbours
from orchestration.web.visitor import Role, needs, signed_in


@needs(Role.VIEWER)
def entry(request: Request) -> Response:
    """What is known of the snapshot, whether its link opens or not."""
    visitor = signed_in(request)
    with request.app.state.open_archive() as (_, connection):
        found = find(connection, visitor, request.path_params["id"])
        if found is None:
            raise HTTPException(404)
        before, after = neighbours(connection, found)
        sent = mails(connection, found.snapshot_id)
    return page(
        request,
        "records_entry.html.j2",
        found=found,
        parameters=parameter_lines(found.parameters),
        before=before,
        after=after,
        mails=sent,
        # An address is personal data.
        sees_addresses=visitor.may(Role.ANALYST),
    )


@needs(Role.ADMIN)
def revoke(request: Request) -> Response:
    """Takes the link away for ever, once the form says that this is meant."""
    snapshot_id = request.path_params["id"]
    if posted(request).get("sure") == "yes":
        with request.app.state.open_archive() as (archive, connection):
            if find(connection, signed_in(request), snapshot_id) is None:
                raise HTTPException(404)
            archive.revoke(snapshot_id)
    return RedirectResponse(f"/archive/{snapshot_id}", 303)
