"""`serve`, `up`, `down` and `status`: what runs, and where."""

import os
import socket
from contextlib import suppress
from dataclasses import asdict
from ipaddress import ip_address

import click

from orchestration.cli.output import as_json as print_json
from orchestration.cli.output import listing, remark
from orchestration.errors import DynamicsError, RequestError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), help="Port. Default: the one this home's links name.")
def serve(host: str, port: int | None) -> None:
    """Serves the web pages until Ctrl-C: all links open here."""
    import uvicorn

    from orchestration.connections import open_archive
    from orchestration.local import web_port
    from orchestration.settings import settings
    from orchestration.web.app import create_app

    chosen = port or web_port(settings().home)
    on_loopback = _is_loopback(host)
    if not on_loopback:
        _require_sign_in(host)
    listener = _listen(host, chosen)
    # No access log: a link is all that it takes to read a report.
    config = uvicorn.Config(
        create_app(open_archive, on_loopback=on_loopback),
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    remark(f"serving on http://{f'[{host}]' if ':' in host else host}:{chosen}, Ctrl-C stops it")
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    """Whether nobody but this machine reaches what listens on that address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_sign_in(host: str) -> None:
    """Raises RequestError as long as nobody would have to sign in."""
    from orchestration.connections import database
    from orchestration.settings import settings
    from orchestration.web.sign_in import users

    with database() as connection:
        if settings().oidc_url is None and not users.exist(connection):
            raise RequestError(
                f"--host {host}: whoever reaches it would be the admin, so add one with `dynamics users add NAME --role admin`, "
                "or name an OpenID provider in DYNAMICS_OIDC_URL"
            )


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises DynamicsError when somebody else does, RequestError for no address."""
    try:
        socket.getaddrinfo(host, port)
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except (socket.gaierror, UnicodeError) as error:
        raise RequestError(
            f"--host {host} is no address of this machine: 127.0.0.1 or 0.0.0.0 mostly"
        ) from error
    except OSError as error:
        raise DynamicsError(
            f"cannot listen on {host}:{port} ({os.strerror(error.errno or 0)}): stop what listens there, or give another --port"
        ) from error


@click.command()
def up() -> int:
    """Runs web pages, Dagster UI and scheduler until Ctrl-C.

    The local services that they need are started with them.
    """
    from orchestration.scheduling.everything import run_everything

    return run_everything(tell=click.echo)


@click.command()
def down() -> None:
    """Stops the local services of this home. What they hold stays."""
    from orchestration.local import stop
    from orchestration.settings import settings

    stopped = stop(settings().home)
    click.echo(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def status(as_json: bool) -> int:
    """Tells of each part where it is, and what it holds.

    Starts nothing. Exits 1 when a part that the settings name does not answer; a local service that is stopped
    starts by itself when it is needed.
    """
    from orchestration.status import parts

    found = parts()
    rows = [asdict(part) for part in found]
    if as_json:
        print_json(rows)
    else:
        listing(rows, ["name", "state", "where", "detail"], empty="")
    return 1 if any(part.state == "away" for part in found) else 0


COMMANDS = (serve, up, down, status)
