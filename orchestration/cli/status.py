"""The parts that `dynamics status` shows: their address, state and contents."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from orchestration import local
from orchestration.connections import database, object_store, smtp_url
from orchestration.db.database import redact_url
from orchestration.errors import DynamicsError
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport
from orchestration.settings import settings


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the product.

    A `stopped` part is a local service, which starts when it is needed. A part that is `away`
    does not answer although it should.
    """

    name: str
    state: Literal["answers", "stopped", "away"]
    where: str
    detail: str


def list_parts() -> list[Part]:
    """Return the database, the bucket, the mail server and the marts. Start nothing."""
    services = {service.name: service for service in local.status(settings().home)}
    url, bucket, smtp = settings().database_url, settings().s3_bucket, settings().smtp_url
    parts = [
        _check("database", lambda: redact_url(url.get_secret_value()), _describe_database)
        if url
        else _describe_local("database", services.get("postgres")),
        _check("bucket", lambda: object_store().description, _describe_bucket)
        if bucket
        else _describe_local("bucket", services.get("s3")),
        _check("mail server", lambda: str(SmtpUrl.parse(smtp.get_secret_value())), _describe_mail_server)
        if smtp
        else _describe_local("mail server", services.get("smtp")),
    ]
    if parts[0].state == "answers":
        parts.append(_check("marts", lambda: "in the database", _describe_marts))
    return parts


def _describe_local(name: str, service: local.Status | None) -> Part:
    if service is None:
        return Part(
            name, "stopped", f"local, in {settings().home}", "never started: it starts when it is needed"
        )
    return Part(name, "answers" if service.running else "stopped", service.where, service.detail)


def _check(name: str, find_address: Callable[[], str], describe: Callable[[], str]) -> Part:
    where = "?"
    try:
        where = find_address()
        return Part(name, "answers", where, describe())
    except DynamicsError as error:
        return Part(name, "away", where, str(error))


def _describe_database() -> str:
    with database() as connection:
        row = connection.execute("select pg_size_pretty(pg_database_size(current_database()))").fetchone()
    return str(row[0]) if row else ""


def _describe_bucket() -> str:
    return f"{sum(1 for _ in object_store().list('snapshots/')):,} objects"


def _describe_mail_server() -> str:
    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        size = transport.max_size
    return f"takes mails of {size:,} bytes" if size else "takes mails"


def _describe_marts() -> str:
    with database() as connection:
        row = connection.execute("select build_id, as_of from dynamics.current_build").fetchone()
    if row is None:
        return "never built: run `dynamics build`"
    return f"build {row[0]}, data until {row[1]:%Y-%m-%d %H:%M:%S%z}"
