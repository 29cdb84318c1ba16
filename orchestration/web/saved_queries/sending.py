"""The target `/saved/{name}/test`, which mails a saved query's report to one tester."""

from datetime import UTC, datetime

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.accounts.visitor import Role
from orchestration.deliveries import manual
from orchestration.errors import DynamicsError, RequestError
from orchestration.web.access import page
from orchestration.web.page_request import PageRequest
from orchestration.web.query_form.saved_query_access import load_visible
from orchestration.web.saved_queries.listing import render_list


@page(Role.ANALYST, form=("to",), statuses=(303, 422))
def send_test(request: PageRequest) -> Response:
    """Mail the report to the address `to`, marked as a test.

    The list then shows the server's answer.
    """
    visitor = request.signed_in_visitor
    to = request.form.text("to").strip()
    try:
        if not to:
            raise RequestError("the address of the tester is missing: enter one")
        saved_query = load_visible(visitor, request.path_parameters["name"], request.services.open_archive)
        with request.services.open_archive() as (archive, connection):
            snapshot, _ = manual.deliver(
                connection,
                archive,
                saved_query,
                datetime.now(UTC),
                generated_by=f"user {visitor.name}",
                test_to=[to],
            )
    except DynamicsError as error:
        return render_list(request, 422 if isinstance(error, RequestError) else 503, problem=str(error))
    return RedirectResponse(f"/saved?test={snapshot.manifest.id}", 303)


ROUTES = [Route("/saved/{name}/test", send_test, methods=["POST"])]
