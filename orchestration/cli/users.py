"""The commands `users`: the accounts for the web pages."""

import sys
from dataclasses import asdict

import click

from orchestration.cli.output import print_json, print_note, print_table


@click.group()
def users() -> None:
    """Manage the users of the web pages."""


@users.command()
@click.argument("name")
@click.option(
    "--role",
    required=True,
    type=click.Choice(["viewer", "analyst", "admin"]),
    help="A viewer reads the archive. An analyst also creates and mails reports."
    " An admin also revokes links and manages users.",
)
@click.option(
    "--owner", metavar="RESELLER", help="The user sees only the clients of this reseller (name or id)."
)
def add(name: str, role: str, owner: str | None) -> None:
    """Add a user. Ask for the password, or read it from standard input."""
    from orchestration.accounts import users as accounts
    from orchestration.accounts.visitor import Role
    from orchestration.connections import database
    from orchestration.settings import settings

    with database() as connection:
        accounts.add(
            connection,
            name,
            _read_password(),
            Role[role.upper()],
            owner=owner,
            base_currency=settings().base_currency,
        )
    click.echo(f"added: {name}, {role}")


@users.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_users(as_json: bool) -> None:
    """List all users by name."""
    from orchestration.accounts import users as accounts
    from orchestration.connections import database

    with database() as connection:
        rows = [asdict(user) for user in accounts.list_users(connection)]
    if as_json:
        print_json(rows)
        return
    columns = ["name", "role", "owner_id", "signs_in_with", "added_at"]
    print_table(rows, columns, empty="no users: every visitor on this machine is an admin")


@users.command()
@click.argument("name")
def remove(name: str) -> None:
    """Remove a user. The user is signed out at once."""
    from orchestration.accounts import users as accounts
    from orchestration.connections import database

    with database() as connection:
        accounts.remove(connection, name)
        has_users = accounts.has_users(connection)
    click.echo(f"removed: {name}")
    if not has_users:
        print_note("that was the last user: every visitor on this machine is an admin now")


@users.command()
@click.argument("name")
def password(name: str) -> None:
    """Change the password of a user.

    The command asks for the password, or reads it from standard input. The user is signed out
    everywhere.
    """
    from orchestration.accounts import users as accounts
    from orchestration.connections import database

    with database() as connection:
        accounts.set_password(connection, name, _read_password())
    click.echo(f"changed: the password of {name}")


def _read_password() -> str:
    """Return the password. It is not an argument, because the shell's history would store it."""
    if sys.stdin.isatty():
        entered: str = click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
        return entered
    return sys.stdin.readline().rstrip("\r\n")


COMMANDS = (users,)
