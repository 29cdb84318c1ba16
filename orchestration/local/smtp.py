"""The local mailbox: an SMTP server and its Maildir."""

import socket
import sys
from importlib.util import find_spec
from pathlib import Path

from orchestration.errors import RequestError
from orchestration.local.daemon import Daemon
from orchestration.local.ports import choose_port, ports
from orchestration.local.state_dir import prepare_home


def mailbox(home: Path) -> str:
    """Return the URL of this home's SMTP server. Start the server if it is not running.

    The server accepts every recipient and delivers to `maildir(home)`. Raise RequestError if the
    extra `local` is not installed, Unavailable if the server does not start.
    """
    home = prepare_home(home)
    server(home).ensure_running(lambda: _build_command(home), lambda: is_ready(home))
    return url(home)


def maildir(home: Path) -> Path:
    """Return the Maildir of the local mailbox.

    Each recipient's copy is one file. Its header `Delivered-To` names the recipient.
    """
    return home.expanduser().resolve() / "mail"


def server(home: Path) -> Daemon:
    """Return the process."""
    return Daemon(home, "smtp")


def url(home: Path) -> str:
    """Return the URL, whether the server is running or not."""
    return f"smtp://127.0.0.1:{ports(home)['smtp']}"


def is_ready(home: Path) -> bool:
    """Return True if the server greets a client."""
    try:
        with socket.create_connection(("127.0.0.1", ports(home)["smtp"]), timeout=5) as connection:
            return connection.recv(3) == b"220"
    except OSError:
        return False


def describe_contents(home: Path) -> str:
    """Return the number of mails."""
    return f"{sum(1 for part in ('new', 'cur') for _ in (maildir(home) / part).glob('*'))} mails"


def _build_command(home: Path) -> list[str]:
    if find_spec("aiosmtpd") is None:
        raise RequestError(
            "the local mailbox is not installed: run pip install 'customer-dynamics[local]',"
            " or set DYNAMICS_SMTP_URL"
        )
    program = "orchestration.local.mailbox_server"
    return [
        sys.executable,
        "-m",
        program,
        str(maildir(home)),
        str(choose_port(home, "smtp")),
        str(server(home).pid_file),
    ]
