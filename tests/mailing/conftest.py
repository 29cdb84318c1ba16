"""Mail servers on loopback that take mail, count it, and fail on request."""
# ruff: noqa: N802 - aiosmtpd looks its hooks up by the name of the command

import asyncio
import socket
import ssl
import threading
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

CERTIFICATE = Path(__file__).with_name("loopback.pem")


@dataclass
class Mailbox:
    """What a server took, and the faults it makes: a fault by recipient at each step of a mail.

    A fault is a reply (`550 no such user`), `drop` (the connection is cut) or `hang` (no answer comes).
    """

    taken: list = field(default_factory=list)
    at_rcpt: dict = field(default_factory=dict)
    at_data: dict = field(default_factory=dict)
    at_body: dict = field(default_factory=dict)
    after_body: dict = field(default_factory=dict)
    connections: int = 0
    logins: list = field(default_factory=list)
    mails_a_connection: int = 1000
    port: int = 0
    hangs: threading.Event = field(default_factory=threading.Event)
    """Set once a client waits for an answer that does not come."""

    @property
    def url(self):
        return f"smtp://127.0.0.1:{self.port}?starttls=none"

    def recipients(self):
        """Every copy that the server took, by its recipient, in order."""
        return sorted(recipient for recipient, _ in self.taken)

    async def handle_RCPT(self, server, session, envelope, address, options):
        reply = await self.fault(server, self.at_rcpt.get(address)) or "250 OK"
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply

    async def handle_DATA(self, server, session, envelope):
        (recipient,) = envelope.rcpt_tos
        fault = self.after_body.get(recipient)
        if fault is None or fault in ("hang", "drop"):  # the mail is in the box, whatever the sender hears
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
        elif fault == "hang":
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
    def factory(self):
        return FaultyServer(self.handler, **self.SMTP_kwargs)


@pytest.fixture
def serve():
    """Starts mail servers: `serve(**options of aiosmtpd)` gives the mailbox of a new one."""
    servers = []

    def start(**options):
        mailbox = Mailbox()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            mailbox.port = free.getsockname()[1]
        server = Server(mailbox, "127.0.0.1", mailbox.port, server_hostname="mail.test", **options)
        server.start()
        mailbox.connections = 0  # starting it took one
        servers.append(server)
        return mailbox

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def mailbox(serve):
    """A plain mail server."""
    return serve()


@pytest.fixture
def tls():
    """The server's side of TLS, under a certificate that no machine trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def trusted(monkeypatch):
    """Makes this machine trust that certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.fixture
def guarded(serve, tls):
    """A server with STARTTLS that wants the login `reports` / `p@ss/#1`."""

    def login(server, session, envelope, mechanism, data):
        box.logins.append(data)
        right = (data.login, data.password) == (b"reports", b"p@ss/#1")
        return AuthResult(success=right, handled=False)

    box = serve(tls_context=tls, authenticator=login, auth_required=True)
    return box


@pytest.fixture(scope="session")
def ledger_url(server_url, migrated_template):
    """One database for all tests of this room: they leave few rows, and a new one takes longer than a test."""
    with psycopg.connect(server_url, autocommit=True) as server:
        server.execute(f"create database mailing template {migrated_template}")
    parts = urlsplit(server_url)
    return urlunsplit(parts._replace(path="/mailing"))


@pytest.fixture
def database_url(ledger_url):
    """The URL of that database, without occurrences and deliveries."""
    yield ledger_url
    with psycopg.connect(ledger_url) as connection:
        connection.execute("delete from dynamics.deliveries")
        connection.execute("delete from dynamics.occurrences")


@pytest.fixture
def occurrence(database):
    """Adds an occurrence of a saved query, with its snapshot, and gives its number."""

    def add(saved_query="monthly", day=1):
        (number,) = database.execute(
            "insert into dynamics.occurrences (saved_query, scheduled_at, snapshot_id, generated_by)"
            " values (%s, make_timestamptz(2018, 12, %s, 7, 0, 0), %s, 'schedule') returning occurrence_id",
            [saved_query, day, f"{saved_query}-{day}"],
        ).fetchone()
        database.commit()
        return number

    return add
