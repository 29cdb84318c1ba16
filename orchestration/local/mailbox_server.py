"""Run as a module: an SMTP server on loopback that delivers all mail, for whomever, into one Maildir.

    python -m orchestration.local.mailbox_server MAILDIR PORT PIDFILE

It keeps one file per envelope recipient, as a mail host does: `Delivered-To` says for whom a copy is, blind
copies included, and `Return-Path` who sent it.
"""

import asyncio
import mailbox
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from orchestration.local.lifetime import until_deleted

_LARGEST = 25 * 1024 * 1024
"""Bytes of a message, as `SIZE` announces: what the large mail providers take."""


class Delivery:
    """Puts each accepted message into the Maildir: written and synced in `tmp`, then moved to `new`."""

    def __init__(self, folder: Path) -> None:
        self._maildir = mailbox.Maildir(folder)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's
        sender = _header("Return-Path", f"<{envelope.mail_from or ''}>")
        for recipient in envelope.rcpt_tos:
            self._maildir.add(sender + _header("Delivered-To", recipient) + envelope.content)
        return "250 OK: delivered to the local mailbox"


def _header(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode("utf-8", "surrogateescape")


async def serve(folder: Path, port: int, pid_file: Path) -> None:
    """Answers until the home is deleted or a signal ends the process."""
    delivery = Delivery(folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(delivery, data_size_limit=_LARGEST, enable_SMTPUTF8=True, hostname="localhost"),
        "127.0.0.1",
        port,
    )
    async with server:
        await until_deleted(pid_file)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
