"""`/saved/NAME/test`: a saved query's report as its schedule would make it now, mailed to a tester alone."""

from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.deliveries import on_request
from orchestration.errors import DynamicsError, RequestError
from orchestration.web.ask.load import load
from orchestration.web.pages import posted
from orchestration.web.saved.listing import list_page
from orchestration.web.visitor import Role, needs, signed_in


@needs(Role.ANALYST)
def send_test(request: Request) -> Response:
    """Makes the report, sends it to the address `to`, marked as a test, and tells in the list what the server said."""
    visitor = signed_in(request)
    to = str(posted(request).get("to", "")).strip()
    try:
        if not to:
            raise RequestError("a test goes to an address: write one")
        saved_query = load(visitor, request.path_params["name"], request.app.state.open_archive)
        with request.app.state.open_archive() as (archive, connection):
            snapshot, _ = on_request.deliver(
                connection,
                archive,
                saved_query,
                datetime.now(UTC),
                generated_by=f"user {visitor.name}",
                test_to=[to],
            )
    except DynamicsError as error:
        return list_page(request, 422 if isinstance(error, RequestError) else 503, str(error))
    return RedirectResponse(f"/saved?test={snapshot.manifest.id}", 303)


ROUTES = [Route("/saved/{name}/test", send_test, methods=["POST"])]
