"""The objects that all pages share. The application makes them once, when it starts."""

from collections.abc import Mapping
from dataclasses import dataclass

from starlette.requests import Request

from orchestration.connections import OpenArchive
from orchestration.web.rate_limit import RateLimit
from orchestration.web.report.page_cache import PageCache
from orchestration.web.sign_in.attempt_limit import SignInLimit
from orchestration.web.view_counter import ViewCounter


@dataclass(frozen=True, slots=True)
class Services:
    """The objects that all pages share."""

    open_archive: OpenArchive
    page_cache: PageCache
    view_counter: ViewCounter
    sign_in_limit: SignInLimit
    unknown_link_limit: RateLimit
    """Slows down a client that guesses links."""
    security_headers: Mapping[str, str]


def get_services(request: Request) -> Services:
    """Return the shared objects of the application that handles the request."""
    services: Services = request.app.state.services
    return services
