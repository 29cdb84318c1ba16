"""`deliveries`: the record of what was sent."""

from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING

import click

from orchestration.cli.moments import MOMENT
from orchestration.cli.output import as_json as print_json
from orchestration.cli.output import details, listing

if TYPE_CHECKING:
    from orchestration.mailing.delivery import State

_STATES = ("queued", "sending", "sent", "failed", "unknown", "skipped")


@click.group()
def deliveries() -> None:
    """What was sent to whom, or why not."""


@deliveries.command("list")
@click.option("--query", "saved_query", metavar="NAME", help="Of this saved query.")
@click.option("--recipient", metavar="ADDR", help="To this address.")
@click.option("--state", type=click.Choice(_STATES), help="In this state.")
@click.option("--since", type=MOMENT, help="Queued at or after this moment.")
@click.option("--until", type=MOMENT, help="Queued before this moment.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_deliveries(
    saved_query: str | None,
    recipient: str | None,
    state: "State | None",
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """The newest deliveries, newest first."""
    from orchestration.connections import database
    from orchestration.mailing.delivery import deliveries as find

    with database() as connection:
        found = find(
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
    rows = [asdict(row) for row in found]
    if as_json:
        print_json(rows)
    else:
        listing(rows, columns, empty="no deliveries")


@deliveries.command("show")
@click.argument("delivery_id", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show_delivery(delivery_id: int, as_json: bool) -> None:
    """One delivery: what, when, to whom, and the answer."""
    from orchestration.connections import database, public_url
    from orchestration.deliveries.occurrences import is_complete
    from orchestration.deliveries.post import note_of
    from orchestration.mailing.delivery import delivery

    with database() as connection:
        row = asdict(delivery(connection, delivery_id))
        row["note"] = note_of(connection, row["occurrence_id"])
        made = is_complete(connection, row["snapshot_id"])
    row["link"] = f"{public_url()}/view?id={row['snapshot_id']}" if made else None
    (print_json if as_json else details)(row)


@deliveries.command()
@click.argument("delivery_id", metavar="ID", type=int)
@click.option("--force", is_flag=True, help="Even if it was sent: the recipient then has it twice.")
def resend(delivery_id: int, force: bool) -> int:
    """Sends again, on purpose, what failed, is unknown or was skipped."""
    from orchestration.connections import open_archive
    from orchestration.deliveries.dispatch import told
    from orchestration.deliveries.post import resend as send_again

    with open_archive() as (archive, connection):
        row = send_again(connection, archive, delivery_id, force=force)
    click.echo(told(row))
    return 0 if row.state == "sent" else 1


COMMANDS = (deliveries,)
