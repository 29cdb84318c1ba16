"""Mail servers on loopback that accept mail, record it, and fail on request."""
# ruff: noqa: N802 - aiosmtpd finds its hooks by the name of the command

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """The mails that a server accepted, and the faults that it produces.

    Each step of a mail has its faults by recipient. A fault is a reply (`550 no such user`), `drop`
    (the connection is cut), `hang` (no answer comes) or `kill` (the sender is killed while it waits
    for the answer).
    """

    accepted: list = field(default_factory=list)
    """The recipient and the envelope of each mail, in order."""
    at_rcpt: dict = field(default_factory=dict)
    at_data: dict = field(default_factory=dict)
    at_body: dict = field(default_factory=dict)
    after_body: dict = field(default_factory=dict)
    at_connect: list = field(default_factory=list)
    """The faults of the next connections, at their greeting."""
    connection_count: int = 0
    logins: list = field(default_factory=list)
    max_mails_per_connection: int = 1000
    port: int = 0
    hangs: threading.Event = field(default_factory=threading.Event)
    """Set when a client waits for an answer that does not come."""
    kill_sender: Callable[[], None] | None = None

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}?starttls=none"

    def recipients(self):
        """Return the recipient of every accepted mail, sorted."""
        return sorted(recipient for recipient, _ in self.accepted)

    def clear_faults(self):
        """Remove all faults."""
        for faults in (self.at_connect, self.at_rcpt, self.at_data, self.at_body, self.after_body):
            faults.clear()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        fault = await self.produce_fault(server, self.at_connect.pop(0)) if self.at_connect else None
        return [fault] if fault else responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = await self.produce_fault(server, self.at_rcpt.get(address)) or "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply

    async def handle_DATA(self, server, session, envelope):
        (recipient,) = envelope.rcpt_tos
        fault = self.after_body.get(recipient)
        if fault in (None, "hang", "drop", "kill"):
            # The mail is accepted, but the sender may get no answer.
            self.accepted.append((recipient, envelope))
        session.mails = getattr(session, "mails", 0) + 1
        return await self.produce_fault(server, fault) or "250 2.0.0 Ok: queued as 4F2"

    async def handle_MAIL(self, server, session, envelope, address, options):
        if getattr(session, "mails", 0) >= self.max_mails_per_connection:
            server.transport.close()
            return "421 4.7.0 Too many messages on this connection"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def produce_fault(self, server, fault):
        """Produce a fault that is not a reply, and return the fault."""
        if fault == "drop":
            server.transport.abort()
        elif fault in ("hang", "kill"):
            if fault == "kill":
                self.kill_sender()
            self.hangs.set()
            await asyncio.sleep(30)
        return fault


class FaultySMTP(SMTP):
    """aiosmtpd with faults before and inside the body of a mail."""

    def connection_made(self, transport):
        self.event_handler.connection_count += 1
        super().connection_made(transport)

    async def smtp_DATA(self, arg):
        recipient = self.envelope.rcpt_tos[0] if self.envelope.rcpt_tos else None
        fault = await self.event_handler.produce_fault(self, self.event_handler.at_data.get(recipient))
        if fault:
            await self.push(fault)
        elif recipient in self.event_handler.at_body:
            await self.push("354 go on")
            await self.event_handler.produce_fault(self, self.event_handler.at_body[recipient])
        else:
            await super().smtp_DATA(arg)


class MailServer(Controller):
    """A mail server on a free port. It answers after `start`."""

    def __init__(self, **options):
        mailbox = Mailbox()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            mailbox.port = free.getsockname()[1]
        super().__init__(mailbox, "127.0.0.1", mailbox.port, server_hostname="mail.test", **options)
        self.mailbox = mailbox

    def start(self):
        super().start()
        self.mailbox.connection_count = 0  # starting the server opens one connection

    def factory(self):
        return FaultySMTP(self.handler, **self.SMTP_kwargs)
