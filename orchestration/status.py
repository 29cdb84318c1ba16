"""`dynamics status`: each part, where it is, whether it answers, what it holds. Starts nothing."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from orchestration import local
from orchestration.connections import database, object_store, smtp_url
from orchestration.database import shown
from orchestration.errors import DynamicsError
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport
from orchestration.settings import settings


@dataclass(frozen=True, slots=True)
class Part:
    """One part: `stopped` is a local service, which starts when it is needed; `away` is one that should answer."""

    name: str
    state: Literal["answers", "stopped", "away"]
    where: str
    detail: str


def parts() -> list[Part]:
    """The database, the bucket and the mail server in use, and what the marts know."""
    named = settings()
    ours = {service.name: service for service in local.status(named.home)}
    url, bucket, smtp = named.database_url, named.s3_bucket, named.smtp_url
    found = [
        _asked("database", lambda: shown(url.get_secret_value()), _database)
        if url
        else _local("database", ours.get("postgres")),
        _asked("bucket", lambda: object_store().where, _bucket)
        if bucket
        else _local("bucket", ours.get("s3")),
        _asked("mail server", lambda: str(SmtpUrl.parse(smtp.get_secret_value())), _mail_server)
        if smtp
        else _local("mail server", ours.get("smtp")),
    ]
    if found[0].state == "answers":
        found.append(_asked("marts", lambda: "in the database", _marts))
    return found


def _local(name: str, service: local.Status | None) -> Part:
    if service is None:
        return Part(
            name, "stopped", f"local, in {settings().home}", "never started: it starts when it is needed"
        )
    return Part(name, "answers" if service.running else "stopped", service.where, service.detail)


def _asked(name: str, where: Callable[[], str], ask: Callable[[], str]) -> Part:
    place = "?"
    try:
        place = where()
        return Part(name, "answers", place, ask())
    except DynamicsError as error:
        return Part(name, "away", place, str(error))


def _database() -> str:
    with database() as connection:
        row = connection.execute("select pg_size_pretty(pg_database_size(current_database()))").fetchone()
    return str(row[0]) if row else ""


def _bucket() -> str:
    return f"{sum(1 for _ in object_store().list('snapshots/')):,} objects"


def _mail_server() -> str:
    with Transport(SmtpUrl.parse(smtp_url())) as transport:
        size = transport.max_size
    return f"takes mails of {size:,} bytes" if size else "takes mails"


def _marts() -> str:
    with database() as connection:
        row = connection.execute(
            "select build_id, as_of from dynamics.builds where finished_at is not null order by build_id desc limit 1"
        ).fetchone()
    if row is None:
        return "never built: run `dynamics build`"
    return f"build {row[0]}, data until {row[1]:%Y-%m-%d %H:%M:%S%z}"
