"""Says of each request who it comes from (`request.state.visitor`)."""

from starlette.types import ASGIApp, Receive, Scope, Send

from orchestration.web.visitor import Role, Visitor


class SignIn:
    """Without configuration everybody who reaches the pages is the local admin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, as ASGI hands it over."""
        if scope["type"] == "http":
            scope.setdefault("state", {})["visitor"] = Visitor("local admin", Role.ADMIN)
        await self._app(scope, receive, send)
