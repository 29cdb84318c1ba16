"""What failed, for whom, and the command that repairs it: the text of failure mails."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import groupby
from zoneinfo import ZoneInfo

from psycopg import Connection
from psycopg.rows import TupleRow, class_row
from psycopg.sql import SQL

from orchestration.deliveries.catching_up import recipients_of
from orchestration.deliveries.failures import Failure
from orchestration.mailing.delivery import COLUMNS, Delivery
from orchestration.saved_queries.saved_query import SavedQuery

_LOST = SQL(
    "o.purpose = 'delivery' and (d.state in ('failed', 'unknown') or d.recipient = 'nobody')"
    " and d.told_of is distinct from d.finished_at and d.finished_at < now() - interval '1 minute'"
)
"""`nobody` is the recipient of an owner without an address (`slices.NOBODY`)."""


def is_any_lost(connection: Connection[TupleRow]) -> bool:
    """Whether `lost_mails` would give any."""
    query = SQL(
        "select from dynamics.deliveries d join dynamics.occurrences o using (occurrence_id) where {} limit 1"
    )
    return connection.execute(query.format(_LOST)).fetchone() is not None


def lost_mails(connection: Connection[TupleRow], saved_queries: Mapping[str, SavedQuery]) -> list[Failure]:
    """The mails that ended failed or unknown, or have no address, for a minute or longer: a failure an occurrence.

    Each end of a mail is given once: a mail that is sent again, and fails again, comes again. The caller commits.
    """
    query = SQL(
        "update dynamics.deliveries d set told_of = finished_at from dynamics.occurrences o"
        " where o.occurrence_id = d.occurrence_id and {} returning {}"
    )
    with connection.cursor(row_factory=class_row(Delivery)) as cursor:
        rows = cursor.execute(query.format(_LOST, COLUMNS)).fetchall()
    rows.sort(key=lambda row: (row.occurrence_id, row.delivery_id))
    return [
        _lost(saved_queries[name], list(mails))
        for (_, name), mails in groupby(rows, key=lambda row: (row.occurrence_id, row.saved_query))
        if name in saved_queries
    ]


def _lost(saved_query: SavedQuery, mails: list[Delivery]) -> Failure:
    first = mails[0]
    told = [f"{mail.recipient} {_ending(mail)}" for mail in mails]
    return Failure(
        failure=f"mails {first.occurrence_id} {max(mail.finished_at for mail in mails if mail.finished_at)}",
        addresses=_on_failure(saved_query),
        subject=f"Not delivered: {saved_query.title}, {_shown(saved_query, first.scheduled_at)}",
        body=_text(saved_query, first.scheduled_at, "These have not got the report:", told),
        saved_query=saved_query.name,
        scheduled_at=first.scheduled_at,
    )


def _ending(mail: Delivery) -> str:
    if mail.attempts == 0:
        repair = f"dynamics deliver {mail.saved_query} --at {_utc(mail.scheduled_at)}"
    else:
        repair = f"dynamics deliveries resend {mail.delivery_id}"
    if mail.state == "unknown":
        return f"may have it or not ({mail.reply}). Ask there first; if it did not come:\n  {repair}"
    return f"failed: {mail.reply}\n  {repair}"


def failed_report(
    saved_query: SavedQuery, moment: datetime, reason: str, run_id: str, *, again: bool = False
) -> Failure:
    """A report that was not made. `again`: it is tried again by itself, so that the moment is not over."""
    what = [
        reason,
        "",
        "It is tried again by itself for ten hours. To do it at once:"
        if again
        else "When the reason is gone:",
        f"  dynamics deliver {saved_query.name} --at {_utc(moment)}",
        "",
        f"Run {run_id} in Dagster tells more.",
    ]
    return Failure(
        failure=f"{'away' if again else 'report'} {saved_query.name} {_utc(moment)}",
        addresses=_on_failure(saved_query),
        subject=f"Not made: {saved_query.title}, {_shown(saved_query, moment)}",
        body=_text(saved_query, moment, "The report was not made, and nobody was mailed it:", what),
        saved_query=saved_query.name,
        scheduled_at=None if again else moment,
    )


def failed_build(saved_queries: Iterable[SavedQuery], reason: str, run_id: str) -> Failure:
    """A build of the marts that failed, for everybody who is told of any report."""
    return Failure(
        failure=f"run {run_id}",
        addresses=tuple(dict.fromkeys(address for each in saved_queries for address in _on_failure(each))),
        subject="The marts were not built",
        body="\n".join(
            [
                "The build of the marts failed. Reports go on with the last one that did not, and those with",
                "`after: fresh` wait.",
                "",
                reason,
                "",
                "When the reason is gone:",
                "  dynamics build",
                "",
                f"Run {run_id} in Dagster tells more.",
            ]
        ),
    )


def _text(saved_query: SavedQuery, moment: datetime, what: str, lines: Iterable[str]) -> str:
    delivery = saved_query.delivery
    recipients = [
        address for each in (recipients_of(delivery).values() if delivery else ()) for address, _ in each
    ]
    head = [f"{saved_query.title} ({saved_query.name}), {_shown(saved_query, moment)}", "", what, ""]
    return "\n".join([*head, *lines, "", f"It is for {', '.join(recipients)}."])


def _on_failure(saved_query: SavedQuery) -> tuple[str, ...]:
    return saved_query.delivery.on_failure if saved_query.delivery else ()


def _shown(saved_query: SavedQuery, moment: datetime) -> str:
    zone = saved_query.schedule_timezone
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M} {zone}"


def _utc(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
