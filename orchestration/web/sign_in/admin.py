"""The page `/users`, where admins add and remove users."""

from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from orchestration.accounts import users
from orchestration.accounts.visitor import Role
from orchestration.errors import DynamicsError, RequestError, Unavailable
from orchestration.settings import settings
from orchestration.web.access import page
from orchestration.web.page_request import PageRequest
from orchestration.web.pages import render_page


@page(Role.ADMIN)
def list_users(request: PageRequest) -> Response:
    """Show all users, and the form that adds one."""
    return _render_users(request)


@page(Role.ADMIN, form=("name", "password", "role", "owner"), statuses=(303, 422))
def add_user(request: PageRequest) -> Response:
    """Add a user. The first user must be an admin, because only an admin can add the second."""
    name, role, owner = (request.form.text(field).strip() for field in ("name", "role", "owner"))
    password = request.form.text("password")
    try:
        with request.services.open_archive() as (_, connection):
            chosen_role = _parse_role(role, has_users=users.has_users(connection))
            base_currency = settings().base_currency
            users.add(
                connection, name, password, chosen_role, owner=owner or None, base_currency=base_currency
            )
            connection.commit()
    except Unavailable:
        raise
    except DynamicsError as error:  # without marts an owner cannot be looked up
        return _render_users(request, 422, name=name, role=role, owner=owner, problem=str(error))
    return RedirectResponse("/users", 303)


@page(Role.ADMIN, form=("name",), statuses=(303, 422))
def remove_user(request: PageRequest) -> Response:
    """Remove a user and end their sessions.

    Admins cannot remove themselves: one admin must remain.
    """
    name = request.form.text("name")
    if name == request.signed_in_visitor.name:
        return _render_users(
            request, 422, problem="you cannot remove your own account: ask another admin to remove it"
        )
    try:
        with request.services.open_archive() as (_, connection):
            users.remove(connection, name)
            connection.commit()
    except RequestError as error:
        return _render_users(request, 422, problem=str(error))
    return RedirectResponse("/users", 303)


def _parse_role(name: str, *, has_users: bool) -> Role:
    role = Role.__members__.get(name.upper())
    if role is None:
        raise RequestError("choose one of the roles")
    if role is not Role.ADMIN and not has_users:
        raise RequestError("the first user has to be an admin: from then on, all visitors have to sign in")
    return role


def _render_users(request: PageRequest, status: int = 200, **values: str) -> Response:
    with request.services.open_archive() as (_, connection):
        all_users = users.list_users(connection)
    defaults = {"name": "", "role": "viewer" if all_users else "admin", "owner": "", "problem": ""}
    return render_page(
        request,
        "users.html.j2",
        status,
        users=all_users,
        roles=[role.name.lower() for role in Role],
        min_password_length=users.PASSWORD_LENGTH.start,
        **(defaults | values),
    )


ROUTES = [
    Route("/users", list_users),
    Route("/users", add_user, methods=["POST"]),
    Route("/users/remove", remove_user, methods=["POST"]),
]
