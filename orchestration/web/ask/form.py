"""`/`: the query form."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from orchestration.web.pages import message_page


def form(_: Request) -> Response:
    """Where links come from."""
    return message_page(
        200,
        "Customer Dynamics",
        "Reports are opened by their link: it came with the mail, or from whoever shared the report with you.",
    )


ROUTES = [Route("/", form)]
