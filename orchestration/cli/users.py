"""`users`: who may sign in to the pages."""

import sys
from dataclasses import asdict

import click

from orchestration.cli.output import as_json as print_json
from orchestration.cli.output import listing, remark


@click.group()
def users() -> None:
    """Who may sign in to the pages, and as what."""


@users.command()
@click.argument("name")
@click.option(
    "--role",
    required=True,
    type=click.Choice(["viewer", "analyst", "admin"]),
    help="A viewer reads the archive, an analyst makes and sends reports too, an admin also revokes links and sees to users.",
)
@click.option("--owner", metavar="RESELLER", help="Sees the clients of this reseller (name or id) alone.")
def add(name: str, role: str, owner: str | None) -> None:
    """Adds a user. Their password is asked for, or read from standard input."""
    from orchestration.connections import database
    from orchestration.settings import settings
    from orchestration.web.sign_in import users as room
    from orchestration.web.visitor import Role

    with database() as connection:
        chosen = Role[role.upper()]
        base_currency = settings().base_currency
        room.add(connection, name, _password(), chosen, owner=owner, base_currency=base_currency)
    click.echo(f"added: {name}, {role}")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_users(as_json: bool) -> None:
    """All users by name."""
    from orchestration.connections import database
    from orchestration.web.sign_in import users as room

    with database() as connection:
        rows = [asdict(user) for user in room.everybody(connection)]
    if as_json:
        print_json(rows)
        return
    columns = ["name", "role", "owner_id", "signs_in_with", "added_at"]
    listing(rows, columns, empty="no users: whoever is at this machine is the admin")


@users.command()
@click.argument("name")
def remove(name: str) -> None:
    """Removes a user, who is signed out by that at once."""
    from orchestration.connections import database
    from orchestration.web.sign_in import users as room

    with database() as connection:
        room.remove(connection, name)
        left = room.exist(connection)
    click.echo(f"removed: {name}")
    if not left:
        remark("that was the last one: from now on whoever is at this machine is the admin")


@users.command()
@click.argument("name")
def password(name: str) -> None:
    """Gives a user another password.

    It is asked for, or read from standard input. The user is signed out everywhere.
    """
    from orchestration.connections import database
    from orchestration.web.sign_in import users as room

    with database() as connection:
        room.set_password(connection, name, _password())
    click.echo(f"changed: the password of {name}")


def _password() -> str:
    """Never an argument: those stand in the shell's history and in the list of processes."""
    if sys.stdin.isatty():
        asked: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    return sys.stdin.readline().rstrip("\r\n")


COMMANDS = (users,)
