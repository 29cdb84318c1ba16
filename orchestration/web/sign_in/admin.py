"""`/users`: who may sign in, for admins."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.settings import settings
from orchestration.web.pages import page, posted
from orchestration.web.sign_in import users
from orchestration.web.visitor import Role, needs, signed_in


@needs(Role.ADMIN)
def list_users(request: Request) -> Response:
    """All users, and the form that adds one."""
    return _page(request)


@needs(Role.ADMIN)
def add_user(request: Request) -> Response:
    """Adds the user that the form describes. The first one is an admin, or nobody could add the second."""
    sent = posted(request)
    name, role, owner = (str(sent.get(field, "")).strip() for field in ("name", "role", "owner"))
    password = str(sent.get("password", ""))
    try:
        with request.app.state.open_archive() as (_, connection):
            chosen = _role(role, users.exist(connection))
            base_currency = settings().base_currency
            users.add(connection, name, password, chosen, owner=owner or None, base_currency=base_currency)
            connection.commit()
    except Unavailable:
        raise
    except DynamicsError as error:  # no marts yet, to look a reseller up in
        return _page(request, 422, name=name, role=role, owner=owner, problem=str(error))
    return RedirectResponse("/users", 303)


@needs(Role.ADMIN)
def remove_user(request: Request) -> Response:
    """Removes the user of the field `name`, who is signed out by that at once; nobody removes themselves."""
    name = str(posted(request).get("name", ""))
    if name == signed_in(request).name:
        return _page(
            request, 422, problem="another admin can remove you, you cannot: somebody has to be left"
        )
    try:
        with request.app.state.open_archive() as (_, connection):
            users.remove(connection, name)
            connection.commit()
    except RequestError as error:
        return _page(request, 422, problem=str(error))
    return RedirectResponse("/users", 303)


def _role(name: str, there_are_users: bool) -> Role:
    role = Role.__members__.get(name.upper())
    if role is None:
        raise RequestError("choose one of the roles")
    if role is not Role.ADMIN and not there_are_users:
        raise RequestError("the first user has to be an admin: from then on everybody signs in")
    return role


def _page(request: Request, status: int = 200, **values: str) -> Response:
    with request.app.state.open_archive() as (_, connection):
        everybody = users.everybody(connection)
    empty = {"name": "", "role": "viewer" if everybody else "admin", "owner": "", "problem": ""}
    return page(
        request,
        "sign_in_users.html.j2",
        status,
        users=everybody,
        roles=[role.name.lower() for role in Role],
        least=users.PASSWORD_LENGTH.start,
        **(empty | values),
    )


ROUTES = [
    Route("/users", list_users),
    Route("/users", add_user, methods=["POST"]),
    Route("/users/remove", remove_user, methods=["POST"]),
]
