"""`dynamics status`: each part, where it is, whether it answers, what it holds. Starts nothing."""

from collections.abc import Callable
from urllib.parse import urlsplit

from orchestration import local
from orchestration.archive import ObjectStore
from orchestration.database import connect
from orchestration.errors import DynamicsError
from orchestration.local import Status
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport
from orchestration.settings import settings


def parts() -> list[Status]:
    """The database, the bucket and the mail server in use, and what the marts know."""
    ours = {part.name: part for part in local.status(settings().home)}
    named = settings()
    found = [
        _tried("database", _where(named.database_url.get_secret_value()), _database) if named.database_url else ours.get("postgres"),
        _tried("bucket", f"{named.s3_endpoint_url or 's3'} {named.s3_bucket}", _bucket) if named.s3_bucket else ours.get("s3"),
        _tried("mail server", str(SmtpUrl.parse(named.smtp_url.get_secret_value())), _mail_server) if named.smtp_url else ours.get("smtp"),
    ]
    known = [part for part in found if part is not None]
    if any(part.name in ("database", "postgres") and part.running for part in known):
        known.append(_tried("marts", "in the database", _marts))
    return known


def _tried(name: str, where: str, ask: Callable[[], str]) -> Status:
    try:
        return Status(name, where, True, ask())
    except DynamicsError as error:
        return Status(name, where, False, str(error))


def _where(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname or 'socket'}:{parts.port or 5432}{parts.path}"


def _url() -> str:
    named = settings().database_url
    return named.get_secret_value() if named else local.postgres(settings().home)


def _database() -> str:
    with connect(_url()) as connection:
        (size,) = connection.execute("select pg_size_pretty(pg_database_size(current_database()))").fetchone() or ("",)
    return f"{size}"


def _bucket() -> str:
    store = ObjectStore(settings().s3_bucket or "", endpoint_url=settings().s3_endpoint_url)
    return f"{sum(1 for _ in store.list('snapshots/'))} objects"


def _mail_server() -> str:
    named = settings().smtp_url
    with Transport(SmtpUrl.parse(named.get_secret_value() if named else "")) as transport:
        size = transport.max_size
    return f"takes mails of {size:,} bytes" if size else "takes mails"


def _marts() -> str:
    with connect(_url()) as connection:
        row = connection.execute(
            "select build_id, as_of from dynamics.builds where finished_at is not null order by build_id desc limit 1"
        ).fetchone()
    return f"build {row[0]}, data until {row[1]:%Y-%m-%d %H:%M:%S%z}" if row else "never built: run `dynamics build`"
