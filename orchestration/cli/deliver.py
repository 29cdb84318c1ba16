"""`deliver`, `backfill` and `check`: what is done with saved queries."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.moments import MOMENT
from orchestration.cli.output import as_json as print_json
from orchestration.cli.output import progress, remark, require_writable, write

if TYPE_CHECKING:
    from orchestration.mailing.delivery import Delivery


@click.command()
@click.argument("name")
@click.option("--at", type=MOMENT, help="The scheduled moment, with an offset or Z. Default: now.")
@click.option(
    "--to",
    "test_to",
    metavar="ADDR",
    multiple=True,
    help="A test send to this address instead; marked, and not counted.",
)
@click.option("--dry-run", is_flag=True, help="Send nothing: write the mail as NAME.eml.")
def deliver(name: str, at: datetime | None, test_to: tuple[str, ...], dry_run: bool) -> int:
    """Makes and mails a saved query's report, as scheduled.

    A moment that was delivered before is not delivered again: what each recipient has got stays as it is.
    """
    from orchestration.connections import open_archive
    from orchestration.deliveries import on_request
    from orchestration.deliveries.dispatch import told, unsent
    from orchestration.deliveries.requester import this_user
    from orchestration.saved_queries.saved_query_file import load_saved_query
    from orchestration.settings import settings

    saved_query = load_saved_query(settings().templates, name)
    moment = at or datetime.now(UTC)
    letter = Path(f"{name}.eml")
    if dry_run:
        require_writable(letter)
    rows: list[Delivery] = []
    with open_archive() as (archive, connection), progress(f"making the report {name}") as tell:
        if dry_run:
            snapshot, message, kept_back = on_request.dry_run(
                connection, archive, saved_query, moment, test_to=test_to, progress=tell
            )
        else:
            snapshot, rows = on_request.deliver(
                connection,
                archive,
                saved_query,
                moment,
                generated_by=this_user(),
                test_to=test_to,
                progress=tell,
            )
    if dry_run:
        write(letter, bytes(message))
        click.echo(f"written, not sent: {letter}")
        if kept_back:
            remark(f"send_if would keep it back: {kept_back}")
    for row in rows:
        click.echo(told(row))
    click.echo(snapshot.manifest.link)
    return 1 if unsent(rows) else 0


@click.command()
@click.argument("name")
@click.option("--from", "start", type=MOMENT, required=True, help="First moment, with an offset or Z.")
@click.option("--to", "end", type=MOMENT, required=True, help="Last moment, inclusive.")
@click.option("--send", is_flag=True, help="Mail the reports too; else they are only made and kept.")
@click.option("--again", is_flag=True, help="Make a new report beside each that is there.")
def backfill(name: str, start: datetime, end: datetime, send: bool, again: bool) -> int:
    """Makes the reports of all scheduled moments in a range.

    The oldest moment comes first, and each is told as soon as it is made. What is there already is not made again,
    so a backfill that was stopped goes on where it was. With --again the new reports are mailed, if they are to be,
    also to those who have the old ones; stopped, the same command goes on where it was.
    """
    from orchestration.connections import open_archive
    from orchestration.deliveries.backfill import backfill as run
    from orchestration.saved_queries.saved_query_file import load_saved_query
    from orchestration.settings import settings

    saved_query = load_saved_query(settings().templates, name)
    made = failures = 0
    with open_archive() as (archive, connection):
        for done in run(connection, archive, saved_query, start, end, send=send, again=again):
            made += 1
            failures += done.problem is not None
            click.echo(
                f"{done.moment:%Y-%m-%dT%H:%M:%SZ}  {done.number}/{done.of}  {done.problem or done.link}"
            )
    if not made:
        remark(f"the schedule of {name} has no moment between these two")
    if failures:
        remark(f"failed: {failures} of {made}; the same command tries them again, and only them")
    return 1 if failures else 0


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="The problems as JSON.")
def check(files: tuple[Path, ...], as_json: bool) -> int:
    """Validates saved queries, each mistake with its line.

    Of each it tells file, line, key, what is wrong and what is allowed. Without files, all are checked. Names of
    tags, owners, packages and currencies are looked up in the marts.
    """
    from orchestration.saved_queries.checking import check_saved_queries
    from orchestration.settings import settings

    checked, problems, remarks = check_saved_queries(files, settings().templates)
    for line in remarks:
        remark(line)
    if as_json:
        print_json([problem._asdict() for problem in problems])
    else:
        for problem in problems:
            click.echo(problem, err=True)
        click.echo(f"saved queries checked: {checked}, problems: {len(problems)}")
    return 2 if problems else 0


COMMANDS = (deliver, backfill, check)
