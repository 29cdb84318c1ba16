"""`deliver`, `backfill`, `deliveries` and `check`: saved queries, and what was sent of them."""

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click

from orchestration.cli.moments import MOMENT
from orchestration.cli.output import details, listing, progress, remark

_STATES = ("queued", "sending", "sent", "failed", "unknown", "skipped")


@click.command()
@click.argument("name")
@click.option("--at", type=MOMENT, help="The scheduled moment, with an offset or Z. Default: now.")
@click.option("--to", "test_to", metavar="ADDR", multiple=True, help="A test send to this address instead; marked, and not counted.")
@click.option("--dry-run", is_flag=True, help="Send nothing: write the mail as NAME.eml.")
def deliver(name: str, at: datetime | None, test_to: tuple[str, ...], dry_run: bool) -> int:
    """Makes and mails one saved query's report as its schedule would.

    A moment that was delivered before is not delivered again: what each recipient has got stays as it is.
    """
    from orchestration.connections import open_archive
    from orchestration.deliveries import on_request
    from orchestration.deliveries.saved_query_file import load_saved_query
    from orchestration.settings import settings

    saved_query = load_saved_query(settings().templates, name)
    moment = at or datetime.now(UTC)
    with open_archive() as (archive, connection):
        if dry_run:
            snapshot, message = on_request.dry_run(connection, archive, saved_query, moment, test_to=test_to)
            path = Path(f"{name}.eml")
            path.write_bytes(bytes(message))
            click.echo(f"written, not sent: {path}")
            click.echo(snapshot.manifest.link)
            return 0
        done = on_request.deliver(
            connection, archive, saved_query, moment, generated_by=on_request.this_user(), test_to=test_to
        )
    _tell(done.rows)
    click.echo(done.snapshot.manifest.link)
    return 0 if all(row.state == "sent" for row in done.rows) else 1


@click.command()
@click.argument("name")
@click.option("--from", "start", type=MOMENT, required=True, help="First moment, with an offset or Z.")
@click.option("--to", "end", type=MOMENT, required=True, help="Last moment, inclusive.")
@click.option("--send", is_flag=True, help="Mail the reports too; else they are only made and kept.")
def backfill(name: str, start: datetime, end: datetime, send: bool) -> int:
    """Makes the reports of all scheduled moments of a saved query in a range of time.

    What is there already is not made again, so a backfill that was stopped goes on where it was.
    """
    from orchestration.connections import open_archive
    from orchestration.deliveries.backfill import backfill as run
    from orchestration.deliveries.saved_query_file import load_saved_query
    from orchestration.settings import settings

    saved_query = load_saved_query(settings().templates, name)
    failures = 0
    with open_archive() as (archive, connection), progress(name) as tell:
        for done in run(connection, archive, saved_query, start, end, send=send):
            tell(f"{name} {done.moment:%Y-%m-%d %H:%M}", done.number, done.of)
            failures += done.problem is not None
            click.echo(f"{done.moment:%Y-%m-%dT%H:%M:%SZ}  {done.problem or done.link}")
    if failures:
        remark(f"{failures} moments failed; the same command tries them again, and only them")
    return 1 if failures else 0


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
    state: str | None,
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
            connection, saved_query=saved_query, recipient=recipient, state=state, since=since, until=until, limit=limit
        )
    columns = ["delivery_id", "saved_query", "scheduled_at", "recipient", "state", "attempts", "finished_at"]
    listing([asdict(row) for row in found], columns, as_json=as_json, empty="nothing was delivered yet")


@deliveries.command("show")
@click.argument("delivery_id", metavar="ID", type=int)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def show_delivery(delivery_id: int, as_json: bool) -> None:
    """One delivery: what was sent, when, to whom, which snapshot, and the server's answer."""
    from orchestration.connections import database, public_url
    from orchestration.mailing.delivery import delivery

    with database() as connection:
        row = asdict(delivery(connection, delivery_id))
    details(row | {"link": f"{public_url()}/view?id={row['snapshot_id']}"}, as_json=as_json)


@deliveries.command()
@click.argument("delivery_id", metavar="ID", type=int)
@click.option("--force", is_flag=True, help="Even if it was sent: the recipient then has it twice.")
def resend(delivery_id: int, force: bool) -> int:
    """Sends one mail again, on purpose: one that failed, or whose fate is unknown."""
    from orchestration.connections import open_archive
    from orchestration.deliveries.post import send_queued
    from orchestration.mailing import outbox
    from orchestration.mailing.delivery import delivery

    with open_archive() as (archive, connection):
        queued = outbox.resend(connection, delivery_id, force=force)
        send_queued(connection, archive, queued.occurrence_id)
        row = delivery(connection, delivery_id)
    _tell([row])
    return 0 if row.state == "sent" else 1


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
def check(files: tuple[Path, ...]) -> int:
    """Validates saved queries: file, line, key, what is wrong, what is allowed.

    Without files, all of them. Names of tags, owners, packages and currencies are looked up in the marts.
    """
    from orchestration.deliveries.checking import check_saved_queries
    from orchestration.settings import settings

    checked, problems, remarks = check_saved_queries(files, settings().templates)
    for line in remarks:
        remark(line)
    for problem in problems:
        click.echo(problem, err=True)
    click.echo(f"{checked} saved queries checked, {len(problems)} problems")
    return 2 if problems else 0


def _tell(rows: list) -> None:  # type: ignore[type-arg]
    for row in rows:
        told = f"{row.state} to {row.recipient}"
        click.echo(f"{told} ({row.reply})" if row.reply else told)


COMMANDS = (deliver, backfill, deliveries, check)
