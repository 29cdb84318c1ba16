"""The request as a page handler reads it: only the names that the page declares."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import BaseRoute

from orchestration.accounts.visitor import Visitor
from orchestration.web.rate_limit import find_rate_limit_key
from orchestration.web.services import Services, get_services
from orchestration.web.sign_in.browser import Browser


class UndeclaredNameError(LookupError):
    """A page handler reads a name that the page does not declare. The handler is wrong."""


class DeclaredValues:
    """The values of a query string or a form, limited to the names that the page declares."""

    def __init__(self, names: Collection[str], values: Iterable[tuple[str, Any]]) -> None:
        self.names = frozenset(names)
        """The declared names."""
        # An uploaded file is not text. No page takes one.
        self._pairs = [
            (name, value if isinstance(value, str) else "") for name, value in values if name in self.names
        ]

    def __contains__(self, name: str) -> bool:
        """Return whether the request has a value for the name."""
        return bool(self.texts(name))

    def text(self, name: str, default: str = "") -> str:
        """Return the last value for the name, or `default`."""
        texts = self.texts(name)
        return texts[-1] if texts else default

    def texts(self, name: str) -> list[str]:
        """Return all values for the name.

        Raise UndeclaredNameError if the page does not declare it.
        """
        self._require_declared(name)
        return [value for key, value in self._pairs if key == name]

    def pairs(self, names: Collection[str]) -> list[tuple[str, str]]:
        """Return all values for these names, with their names, in the order of the request.

        Raise UndeclaredNameError if the page does not declare one of them.
        """
        for name in names:
            self._require_declared(name)
        return [(name, value) for name, value in self._pairs if name in names]

    def _require_declared(self, name: str) -> None:
        if name not in self.names:
            raise UndeclaredNameError(f"the page reads {name!r}, which it does not declare with @page")


class PageRequest:
    """One request to a page."""

    def __init__(self, request: Request, query: DeclaredValues, form: DeclaredValues) -> None:
        self._request = request
        self.query = query
        self.form = form

    @property
    def path(self) -> str:
        """The path of the address."""
        return self._request.url.path

    @property
    def path_parameters(self) -> Mapping[str, str]:
        """The values of the placeholders in the route's path."""
        return self._request.path_params

    @property
    def headers(self) -> Headers:
        """The headers of the request."""
        return self._request.headers

    @property
    def services(self) -> Services:
        """The objects that all pages share."""
        return get_services(self._request)

    @property
    def routes(self) -> list[BaseRoute]:
        """All routes of the application."""
        routes: list[BaseRoute] = self._request.app.routes
        return routes

    @property
    def client_key(self) -> str:
        """The key of the client in rate limits."""
        return find_rate_limit_key(self._request)

    @property
    def browser(self) -> Browser:
        """The browser that sent the request."""
        browser: Browser = self._request.state.browser
        return browser

    @property
    def visitor(self) -> Visitor | None:
        """The visitor who is signed in.

        The first access queries the database: use it in a thread.
        """
        return self.browser.visitor

    @property
    def signed_in_visitor(self) -> Visitor:
        """The visitor who is signed in, on a page that needs a role."""
        visitor = self.visitor
        if visitor is None:
            raise HTTPException(403)
        return visitor
