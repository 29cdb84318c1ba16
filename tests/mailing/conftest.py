"""Mail servers on loopback, and a ledger for the mails that are sent to them."""

import ssl
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest
from aiosmtpd.smtp import AuthResult
from mail_servers import Server

CERTIFICATE = Path(__file__).with_name("loopback.pem")


@pytest.fixture
def serve():
    """Starts mail servers: `serve(**options of aiosmtpd)` gives the mailbox of a new one."""
    servers = []

    def start(**options):
        servers.append(Server(**options))
        servers[-1].start()
        return servers[-1].mailbox

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
