"""The local mailbox: an SMTP server and the Maildir that it fills."""

import socket
import sys
from importlib.util import find_spec
from pathlib import Path

from orchestration.errors import RequestError
from orchestration.local.daemon import Daemon
from orchestration.local.home import prepare
from orchestration.local.ports import ports, usable


def mailbox(home: Path) -> str:
    """The URL of this home's SMTP server, started when it is not running.

    It accepts every recipient and delivers to `maildir(home)`. Raises RequestError without the `local` extra,
    Unavailable when the server does not start.
    """
    home = prepare(home)
    server(home).ensure(lambda: _command(home), lambda: answers(home))
    return url(home)


def maildir(home: Path) -> Path:
    """The Maildir of all mail sent through `mailbox(home)`: one file a copy, its recipient in `Delivered-To`."""
    return home.expanduser().resolve() / "mail"


def server(home: Path) -> Daemon:
    """Its process."""
    return Daemon(home, "smtp")


def url(home: Path) -> str:
    """Where it is, running or not."""
    return f"smtp://127.0.0.1:{ports(home)['smtp']}"


def answers(home: Path) -> bool:
    """Whether it greets."""
    try:
        with socket.create_connection(("127.0.0.1", ports(home)["smtp"]), timeout=5) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def held(home: Path) -> str:
    """How many mails, in words."""
    return f"{sum(1 for part in ('new', 'cur') for _ in (maildir(home) / part).glob('*'))} mails"


def _command(home: Path) -> list[str]:
    if find_spec("aiosmtpd") is None:
        raise RequestError(
            "no local mailbox here: pip install 'customer-dynamics[local]', or set DYNAMICS_SMTP_URL"
        )
    program = "orchestration.local.mailbox_server"
    return [
        sys.executable,
        "-m",
        program,
        str(maildir(home)),
        str(usable(home, "smtp")),
        str(server(home).pid_file),
    ]
