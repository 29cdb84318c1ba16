"""The text of failure mails: what failed, for whom, and the command that repairs it."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from typing import LiteralString
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow
from psycopg.sql import SQL

from orchestration.deliveries.catch_up import list_recipients_by_slice
from orchestration.deliveries.failure_log import Failure
from orchestration.mailing.mail_record import MailRecord, update_mail_records
from orchestration.saved_queries.saved_query import SavedQuery

_IS_LOST: LiteralString = (
    "o.purpose = 'delivery' and (d.state in ('failed', 'unknown') or d.recipient = 'nobody')"
    " and d.notified_for is distinct from d.finished_at and d.finished_at < now() - interval '1 minute'"
)
"""`nobody` is `slices.NO_ADDRESS`, the recipient of an owner without an address."""


def has_lost_mails(connection: Connection[TupleRow]) -> bool:
    """Return True if `take_lost_mails` would return a failure."""
    query = SQL(
        "select from dynamics.deliveries d join dynamics.occurrences o using (occurrence_id) where {} limit 1"
    )
    return connection.execute(query.format(SQL(_IS_LOST))).fetchone() is not None


def take_lost_mails(
    connection: Connection[TupleRow], saved_queries: Mapping[str, SavedQuery]
) -> list[Failure]:
    """Return one failure for each occurrence with lost mails, and mark these mails as reported.

    A mail is lost if it failed, is unknown or has no address for at least one minute. A mail that
    is sent again and fails again is returned again. The caller commits.
    """
    records = update_mail_records(connection, "notified_for = finished_at", _IS_LOST, {})
    records.sort(key=lambda record: (record.occurrence_id, record.delivery_id))
    return [
        _describe_lost_mails(saved_queries[name], list(mails))
        for (_, name), mails in groupby(
            records, key=lambda record: (record.occurrence_id, record.saved_query)
        )
        if name in saved_queries
    ]


def _describe_lost_mails(saved_query: SavedQuery, mails: list[MailRecord]) -> Failure:
    first = mails[0]
    return Failure(
        key=f"mails {first.occurrence_id} {max(mail.finished_at for mail in mails if mail.finished_at)}",
        addresses=_failure_addresses(saved_query),
        subject=f"Not delivered: {saved_query.title}, {_format_moment(saved_query, first.scheduled_at)}",
        body=_format_body(
            saved_query,
            first.scheduled_at,
            "These recipients did not receive the report:",
            [f"{mail.recipient} {_describe_end(mail)}" for mail in mails],
        ),
        saved_query=saved_query.name,
        scheduled_at=first.scheduled_at,
    )


def _describe_end(mail: MailRecord) -> str:
    """Return why a mail is lost, and the command that sends it."""
    if mail.attempts == 0:
        repair = f"dynamics deliver {mail.saved_query} --at {_format_utc(mail.scheduled_at)}"
    else:
        repair = f"dynamics deliveries resend {mail.delivery_id}"
    if mail.state == "unknown":
        return f"may have received it ({mail.reply}). Ask the recipient first. If it did not arrive, run:\n  {repair}"
    return f"failed: {mail.reply}\n  {repair}"


def describe_failed_report(
    saved_query: SavedQuery, moment: datetime, reason: str, run_id: str, *, will_retry: bool = False
) -> Failure:
    """Describe a report that could not be computed.

    With `will_retry` the scheduler tries the moment again, so the moment has not failed yet.
    """
    lines = [
        reason,
        "",
        "It is tried again automatically for ten hours. To try it now, run:"
        if will_retry
        else "Once fixed, run:",
        f"  dynamics deliver {saved_query.name} --at {_format_utc(moment)}",
        "",
        f"For details see run {run_id} in Dagster.",
    ]
    return Failure(
        key=f"{'away' if will_retry else 'report'} {saved_query.name} {_format_utc(moment)}",
        addresses=_failure_addresses(saved_query),
        subject=f"Not generated: {saved_query.title}, {_format_moment(saved_query, moment)}",
        body=_format_body(saved_query, moment, "The report could not be generated; no mail was sent:", lines),
        saved_query=saved_query.name,
        scheduled_at=None if will_retry else moment,
    )


def describe_failed_build(saved_queries: Iterable[SavedQuery], reason: str, run_id: str) -> Failure:
    """Describe a failed build of the marts, for the `on_failure` addresses of all saved queries."""
    addresses = (address for saved_query in saved_queries for address in _failure_addresses(saved_query))
    return Failure(
        key=f"run {run_id}",
        addresses=tuple(dict.fromkeys(addresses)),
        subject="The marts were not built",
        body="\n".join(
            [
                "The build of the marts failed. Reports use the last successful build. Reports with",
                "`after: fresh` wait.",
                "",
                reason,
                "",
                "Once fixed, run:",
                "  dynamics build",
                "",
                f"For details see run {run_id} in Dagster.",
            ]
        ),
    )


def _format_body(saved_query: SavedQuery, moment: datetime, summary: str, lines: Iterable[str]) -> str:
    delivery = saved_query.delivery
    groups = list_recipients_by_slice(delivery).values() if delivery else ()
    recipients = [address for group in groups for address, _ in group]
    heading = f"{saved_query.title} ({saved_query.name}), {_format_moment(saved_query, moment)}"
    return "\n".join([heading, "", summary, "", *lines, "", f"Recipients: {', '.join(recipients)}"])


def _failure_addresses(saved_query: SavedQuery) -> tuple[str, ...]:
    return saved_query.delivery.on_failure if saved_query.delivery else ()


def _format_moment(saved_query: SavedQuery, moment: datetime) -> str:
    zone = saved_query.schedule_timezone
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def _format_utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
