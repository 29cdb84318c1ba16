"""Mail servers on loopback, and a database for the mail records."""

import ssl
from pathlib import Path

import databases
import psycopg
import pytest
from aiosmtpd.smtp import AuthResult
from mail_servers import MailServer

CERTIFICATE = Path(__file__).with_name("loopback.pem")


@pytest.fixture
def serve():
    """Return a function that starts a mail server with aiosmtpd options, for its mailbox."""
    servers = []

    def start(**options):
        servers.append(MailServer(**options))
        servers[-1].start()
        return servers[-1].mailbox

    yield start
    for server in servers:
        server.stop()


@pytest.fixture
def mailbox(serve):
    """Return the mailbox of a plain mail server."""
    return serve()


@pytest.fixture
def tls():
    """Return a TLS context for a server, with a certificate that no machine trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


@pytest.fixture
def trusted(monkeypatch):
    """Make this process trust the certificate."""
    monkeypatch.setenv("SSL_CERT_FILE", str(CERTIFICATE))


@pytest.fixture
def guarded(serve, tls):
    """Return the mailbox of a server with STARTTLS and the login `reports` / `p@ss/#1`."""

    def login(server, session, envelope, mechanism, data):
        box.logins.append(data)
        is_right = (data.login, data.password) == (b"reports", b"p@ss/#1")
        return AuthResult(success=is_right, handled=False)

    box = serve(tls_context=tls, authenticator=login, auth_required=True)
    return box


@pytest.fixture(scope="session")
def shared_database_url(server_url, migrated_template):
    """Create one database for all tests of this folder. A new one takes longer than a test."""
    return databases.create(server_url, "mailing", migrated_template)


@pytest.fixture
def database_url(shared_database_url):
    """Return the URL of the shared database. Delete its occurrences and deliveries at the end."""
    yield shared_database_url
    with psycopg.connect(shared_database_url) as connection:
        connection.execute("delete from dynamics.deliveries")
        connection.execute("delete from dynamics.occurrences")


@pytest.fixture
def occurrence(database):
    """Return a function that adds an occurrence of a saved query and returns its id."""

    def add(saved_query="monthly", day=1):
        (number,) = database.execute(
            "insert into dynamics.occurrences (saved_query, scheduled_at, snapshot_id, generated_by)"
            " values (%s, make_timestamptz(2018, 12, %s, 7, 0, 0), %s, 'schedule') returning occurrence_id",
            [saved_query, day, f"{saved_query}-{day}"],
        ).fetchone()
        database.commit()
        return number

    return add
