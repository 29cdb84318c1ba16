"""The commands `serve`, `up`, `down` and `status`: the running services."""

import os
import socket
from contextlib import suppress
from dataclasses import asdict
from ipaddress import ip_address

import click

from orchestration.cli.output import print_json, print_note, print_table
from orchestration.errors import DynamicsError, RequestError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port. Default: the port in this home's links.")
def serve(host: str, port: int | None) -> None:
    """Serve the web pages until Ctrl-C. All links open here."""
    import uvicorn

    from orchestration.connections import open_archive
    from orchestration.local import web_port
    from orchestration.settings import settings
    from orchestration.web.app import create_app

    used_port = port or web_port(settings().home)
    on_loopback = _is_loopback(host)
    if not on_loopback:
        _require_sign_in(host)
    listener = _listen(host, used_port)
    # No access log, because everybody who has a link can read the report.
    config = uvicorn.Config(
        create_app(open_archive, on_loopback=on_loopback),
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    print_note(f"serving on http://{f'[{host}]' if ':' in host else host}:{used_port}, Ctrl-C stops it")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    """Return True if only this machine can reach the address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_sign_in(host: str) -> None:
    """Raise RequestError if there is no user and no OpenID provider."""
    from orchestration.accounts import users
    from orchestration.connections import database
    from orchestration.settings import settings

    with database() as connection:
        if settings().oidc_url is None and not users.has_users(connection):
            raise RequestError(
                f"--host {host}: without users, every visitor would be an admin. Add a user with"
                " `dynamics users add NAME --role admin`, or set DYNAMICS_OIDC_URL to an OpenID provider"
            )


def _listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on the address.

    Raise DynamicsError if another program uses it, RequestError if the address is invalid.
    """
    try:
        socket.getaddrinfo(host, port)
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (socket.gaierror, UnicodeError) as error:
        raise RequestError(
            f"--host {host} is not an address of this machine: use 127.0.0.1 or 0.0.0.0"
        ) from error
    except OSError as error:
        raise DynamicsError(
            f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}): stop the program that"
            " listens there, or use another --port"
        ) from error


@click.command()
def up() -> int:
    """Run web pages, Dagster UI and scheduler until Ctrl-C.

    The local services that they need start with them.
    """
    from orchestration.scheduling.supervisor import supervise

    return supervise(show=click.echo)


@click.command()
def down() -> None:
    """Stop the local services of this home. Their data stays."""
    from orchestration.local import stop
    from orchestration.settings import settings

    stopped = stop(settings().home)
    click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> int:
    """Show where each part is and what it contains.

    The command starts nothing. It exits with 1 if a database, bucket or mail server of the
    settings does not answer. A stopped local service is not a failure, because it starts when it is
    needed.
    """
    from orchestration.cli.status import list_parts

    parts = list_parts()
    rows = [asdict(part) for part in parts]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ["name", "state", "where", "detail"], empty="")
    return 1 if any(part.state == "away" for part in parts) else 0


COMMANDS = (serve, up, down, status)
