"""An SMTP server on 127.0.0.1 that puts all mail into one Maildir. Run this module as a program.

    python -m orchestration.local.mailbox_server MAILDIR PORT PIDFILE

It writes one file for each envelope recipient, blind copies included. The header `Delivered-To`
names the recipient, and `Return-Path` names the sender.
"""

import asyncio
import mailbox
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP

from orchestration.local.lifetime import wait_until_deleted

_MAX_MESSAGE_BYTES = 25 * 1024 * 1024
"""The limit of the large mail providers. The server announces it as `SIZE`."""


class MaildirHandler:
    """Puts each accepted message into the Maildir: writes it to `tmp`, then moves it to `new`."""

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
    """Serve until the home is deleted or a signal ends the process."""
    handler = MaildirHandler(folder)
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(handler, data_size_limit=_MAX_MESSAGE_BYTES, enable_SMTPUTF8=True, hostname="localhost"),
        "127.0.0.1",
        port,
    )
    async with server:
        await wait_until_deleted(pid_file)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3])))
