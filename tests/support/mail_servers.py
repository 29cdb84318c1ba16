"""Mail servers on loopback that take mail, count it, and fail on request."""
# ruff: noqa: N802 - aiosmtpd looks its hooks up by the name of the command

import asyncio
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP


@dataclass
class Mailbox:
    """What a server took, and the faults it makes: a fault by recipient at each step of a mail.

    A fault is a reply (`550 no such user`), `drop` (the connection is cut), `hang` (no answer comes) or `kill` (the
    sender is killed while it waits for the answer).
    """

    taken: list = field(default_factory=list)
    at_rcpt: dict = field(default_factory=dict)
    at_data: dict = field(default_factory=dict)
    at_body: dict = field(default_factory=dict)
    after_body: dict = field(default_factory=dict)
    at_connect: list = field(default_factory=list)
    """Faults of the next connections, before their recipients are known."""
    connections: int = 0
    logins: list = field(default_factory=list)
    mails_a_connection: int = 1000
    port: int = 0
    hangs: threading.Event = field(default_factory=threading.Event)
    """Set once a client waits for an answer that does not come."""
    kill_sender: Callable[[], None] | None = None

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}?starttls=none"

    def recipients(self):
        """Every copy that the server took, by its recipient, in order."""
        return sorted(recipient for recipient, _ in self.taken)

    def no_faults(self):
        """From now on all goes well."""
        for faults in (self.at_connect, self.at_rcpt, self.at_data, self.at_body, self.after_body):
            faults.clear()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        fault = await self.fault(server, self.at_connect.pop(0)) if self.at_connect else None
        return [fault] if fault else responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = await self.fault(server, self.at_rcpt.get(address)) or "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply

    async def handle_DATA(self, server, session, envelope):
        (recipient,) = envelope.rcpt_tos
        fault = self.after_body.get(recipient)
        if fault is None or fault in (
            "hang",
            "drop",
            "kill",
        ):  # the mail is in the box, whatever the sender hears
            self.taken.append((recipient, envelope))
        session.mails = getattr(session, "mails", 0) + 1
        return await self.fault(server, fault) or "250 2.0.0 Ok: queued as 4F2"

    async def handle_MAIL(self, server, session, envelope, address, options):
        if getattr(session, "mails", 0) >= self.mails_a_connection:
            server.transport.close()
            return "421 4.7.0 Too many messages on this connection"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def fault(self, server, fault):
        if fault == "drop":
            server.transport.abort()
        elif fault in ("hang", "kill"):
            if fault == "kill":
                self.kill_sender()
            self.hangs.set()
            await asyncio.sleep(30)
        return fault


class FaultyServer(SMTP):
    """aiosmtpd, with a fault before and in the middle of the body."""

    def connection_made(self, transport):
        self.event_handler.connections += 1
        super().connection_made(transport)

    async def smtp_DATA(self, arg):
        recipient = self.envelope.rcpt_tos[0] if self.envelope.rcpt_tos else None
        before = await self.event_handler.fault(self, self.event_handler.at_data.get(recipient))
        if before:
            await self.push(before)
        elif recipient in self.event_handler.at_body:
            await self.push("354 go on")
            await self.event_handler.fault(self, self.event_handler.at_body[recipient])
        else:
            await super().smtp_DATA(arg)


class Server(Controller):
    """A mailbox that answers at a port of its own once it is started."""

    def __init__(self, **options):
        mailbox = Mailbox()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            mailbox.port = free.getsockname()[1]
        super().__init__(mailbox, "127.0.0.1", mailbox.port, server_hostname="mail.test", **options)
        self.mailbox = mailbox

    def start(self):
        super().start()
        self.mailbox.connections = 0  # starting it took one

    def factory(self):
        return FaultyServer(self.handler, **self.SMTP_kwargs)
