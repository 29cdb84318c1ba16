"""The commands `deliver`, `backfill` and `check`: the work on saved queries."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli.output import check_writable, print_json, print_note, show_progress, write_file
from orchestration.cli.timestamps import TIMESTAMP

if TYPE_CHECKING:
    from orchestration.mailing.mail_record import MailRecord


@click.command()
@click.argument("name")
@click.option("--at", type=TIMESTAMP, help="The scheduled moment, with an offset or Z. Default: now.")
@click.option(
    "--to",
    "test_to",
    metavar="ADDR",
    multiple=True,
    help="Send a test mail to this address instead. It is marked as a test and does not count as delivery.",
)
@click.option("--dry-run", is_flag=True, help="Send nothing. Write the mail to NAME.eml.")
def deliver(name: str, at: datetime | None, test_to: tuple[str, ...], dry_run: bool) -> int:
    """Create and mail the report of a saved query.

    The command does what the schedule does at that moment. A moment is delivered once: if it was
    delivered before, the command sends nothing and shows what each recipient got.
    """
    from orchestration.connections import open_archive
    from orchestration.deliveries import manual
    from orchestration.deliveries.report_delivery import describe_mail, find_unsent
    from orchestration.deliveries.requester import get_process_user
    from orchestration.saved_queries.reader import load_saved_query
    from orchestration.settings import settings

    saved_query = load_saved_query(settings().templates, name)
    moment = at or datetime.now(UTC)
    mail_file = Path(f"{name}.eml")
    if dry_run:
        check_writable(mail_file)
    records: list[MailRecord] = []
    with open_archive() as (archive, connection), show_progress(f"computing the report {name}") as progress:
        if dry_run:
            snapshot, message, skip_reason = manual.dry_run(
                connection, archive, saved_query, moment, test_to=test_to, progress=progress
            )
        else:
            snapshot, records = manual.deliver(
                connection,
                archive,
                saved_query,
                moment,
                generated_by=get_process_user(),
                test_to=test_to,
                progress=progress,
            )
    if dry_run:
        write_file(mail_file, bytes(message))
        click.echo(f"written, not sent: {mail_file}")
        if skip_reason:
            print_note(f"send_if would skip this mail: {skip_reason}")
    for record in records:
        click.echo(describe_mail(record))
    click.echo(snapshot.manifest.link)
    return 1 if find_unsent(records) else 0


@click.command()
@click.argument("name")
@click.option("--from", "start", type=TIMESTAMP, required=True, help="First moment, with an offset or Z.")
@click.option("--to", "end", type=TIMESTAMP, required=True, help="Last moment, inclusive.")
@click.option("--send", is_flag=True, help="Also mail the reports. Without it they are only archived.")
@click.option("--again", is_flag=True, help="Create new reports, also for moments that have one.")
def backfill(name: str, start: datetime, end: datetime, send: bool, again: bool) -> int:
    """Create the reports of all scheduled moments in a range.

    The oldest moment comes first. The command prints each moment when its report is archived. A
    moment that already has a report keeps it, so you can run a stopped backfill again. With
    --again, every moment gets a new report, which --send mails even to those who got the old one;
    if it was stopped, the same command continues it.
    """
    from orchestration.connections import open_archive
    from orchestration.deliveries.backfill import backfill as run_backfill
    from orchestration.saved_queries.reader import load_saved_query
    from orchestration.settings import settings

    saved_query = load_saved_query(settings().templates, name)
    moments = failures = 0
    with open_archive() as (archive, connection):
        for result in run_backfill(connection, archive, saved_query, start, end, send=send, again=again):
            moments += 1
            failures += result.problem is not None
            click.echo(
                f"{result.moment:%Y-%m-%dT%H:%M:%SZ}  {result.number}/{result.total}"
                f"  {result.problem or result.link}"
            )
    if not moments:
        print_note(f"the schedule of {name} has no moment in this range")
    if failures:
        print_note(f"failed: {failures} of {moments}; run the same command again to retry them")
    return 1 if failures else 0


@click.command()
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the problems as JSON.")
def check(files: tuple[Path, ...], as_json: bool) -> int:
    """Check saved queries and show each mistake with its line.

    A mistake is shown with file, line, key, what is wrong and what is allowed. Without FILE, all
    saved queries are checked. Names of tags, owners, packages and currencies are looked up in the
    marts.
    """
    from orchestration.saved_queries.validation import check_saved_queries
    from orchestration.settings import settings

    checked, problems, notes = check_saved_queries(files, settings().templates)
    for note in notes:
        print_note(note)
    if as_json:
        print_json([problem._asdict() for problem in problems])
    else:
        for problem in problems:
            click.echo(problem, err=True)
        click.echo(f"saved queries checked: {checked}, problems: {len(problems)}")
    return 2 if problems else 0


COMMANDS = (deliver, backfill, check)
