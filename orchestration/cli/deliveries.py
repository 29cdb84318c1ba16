"""The commands `deliveries`: the record of all mails."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from orchestration.cli.output import print_json, print_record, print_table
from orchestration.cli.timestamps import TIMESTAMP
from orchestration.mailing.terms import MAIL_STATES

if TYPE_CHECKING:
    from orchestration.mailing.terms import MailState


@click.group()
def deliveries() -> None:
    """Show what was sent to whom, and why a mail was not sent."""


@deliveries.command("list")
@click.option("--query", "saved_query", metavar="NAME", help="Only deliveries of this saved query.")
@click.option("--recipient", metavar="ADDR", help="Only deliveries to this address.")
@click.option("--state", type=click.Choice(MAIL_STATES), help="Only deliveries in this state.")
@click.option("--since", type=TIMESTAMP, help="Only deliveries that were queued at or after this time.")
@click.option("--until", type=TIMESTAMP, help="Only deliveries that were queued before this time.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Number of deliveries.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_deliveries(
    saved_query: str | None,
    recipient: str | None,
    state: "MailState | None",
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the newest deliveries, newest first."""
    from orchestration.connections import database
    from orchestration.mailing.mail_record import find_mail_records

    with database() as connection:
        records = find_mail_records(
            connection,
            saved_query=saved_query,
            recipient=recipient,
            state=state,
            since=since,
            until=until,
            limit=limit,
        )
    columns = ["delivery_id", "saved_query", "scheduled_at", "slice", "recipient", "state", "attempts"]
    columns += ["finished_at", "reply"]
    rows = [asdict(record) for record in records]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, columns, empty="no deliveries")


@deliveries.command("show")
@click.argument("delivery_id", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_delivery(delivery_id: int, as_json: bool) -> None:
    """Show one delivery: report, time, recipient and reply."""
    from orchestration.connections import database, public_url
    from orchestration.deliveries.occurrences import has_snapshot, load_note
    from orchestration.mailing.mail_record import load_mail_record

    with database() as connection:
        row = asdict(load_mail_record(connection, delivery_id))
        row["note"] = load_note(connection, row["occurrence_id"])
        is_archived = has_snapshot(connection, row["snapshot_id"])
    row["link"] = f"{public_url()}/view?id={row['snapshot_id']}" if is_archived else None
    (print_json if as_json else print_record)(row)


@deliveries.command()
@click.argument("delivery_id", metavar="ID", type=int)
@click.option("--force", is_flag=True, help="Send it even if it was sent. The recipient gets it twice.")
def resend(delivery_id: int, force: bool) -> int:
    """Send a failed, unknown or skipped delivery again."""
    from orchestration.connections import open_archive
    from orchestration.deliveries import mail_queue
    from orchestration.deliveries.report_delivery import describe_mail

    with open_archive() as (archive, connection):
        record = mail_queue.resend(connection, archive, delivery_id, force=force)
    click.echo(describe_mail(record))
    return 0 if record.state == "sent" else 1


COMMANDS = (deliveries,)
