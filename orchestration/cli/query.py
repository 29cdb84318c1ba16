"""The command `query`: one report now, as a table, a file or a mail, and always as a snapshot."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.output import check_writable, print_note, show_progress, write_file
from orchestration.domain import MAIL_FORMATS, FileFormat
from orchestration.errors import RequestError
from orchestration.reporting.query_parameters import QUERY_PARAMETERS

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

    from orchestration.archive import Archive, Snapshot
    from orchestration.reporting.parameters import ReportQuery

_STDOUT = "-"
_MAIL_FORMATS = tuple(fmt.value for fmt in MAIL_FORMATS)
_FILE_FORMATS = (*_MAIL_FORMATS, FileFormat.JSON.value)
_TERMINAL = "web"
"""The output on the terminal: the table and the link."""


@click.command()
@click.option("--saved", metavar="NAME", help="Start from a saved query. Other flags override it.")
@click.option(
    "--from",
    "from_",
    metavar="WHEN",
    help="First day or second, such as 2018-01-01 or '2018-01-01 12:00:00'.",
)
@click.option("--to", metavar="WHEN", help="Last day or second, inclusive.")
@click.option(
    "--interval",
    metavar="NAME",
    help="Instead of --from and --to: today, yesterday, 'this month', 'previous quarter',"
    " 'last 12 months', …",
)
@click.option(
    "--timezone",
    metavar="ZONE",
    help="IANA name. All boundaries are wall-clock times in this time zone. Default: UTC.",
)
@click.option("--client-type", metavar="TYPE", help="client (default), reseller, calling_card or call_shop.")
@click.option(
    "--client-tag",
    "client_tags",
    metavar="TAG",
    multiple=True,
    help="Only clients with this tag. Repeat it for clients with any of several tags.",
)
@click.option(
    "--owner",
    "owners",
    metavar="RESELLER",
    multiple=True,
    help="Only clients of this reseller (name or id). Repeat it for several resellers.",
)
@click.option(
    "--package",
    "packages",
    metavar="PACKAGE",
    multiple=True,
    help="Only clients that hold this package (name or id). Repeat it for several packages.",
)
@click.option(
    "--group-by",
    metavar="GROUP",
    multiple=True,
    help="year, month or date; or package_name; or repeat it to use one of each.",
)
@click.option("--currency", metavar="CODE", help="Report currency. Default: the base currency.")
@click.option(
    "--active-duration",
    metavar="MONTHS",
    type=int,
    help="Number of months for which a paid service keeps a client active. Default: 3.",
)
@click.option(
    "--output",
    type=click.Choice([_TERMINAL, *_FILE_FORMATS]),
    help="Format for --file and --send-to. Default: by the name of the file, else web.",
)
@click.option(
    "--file",
    "path",
    metavar="PATH",
    help="Write the output to this file. Use - for standard output; all other text then goes to"
    " standard error.",
)
@click.option(
    "--send-to",
    metavar="ADDR",
    multiple=True,
    help="Also mail the output (csv, xls or xlsx) to this address. Repeat it for several addresses.",
)
def query(
    saved: str | None, output: str | None, path: str | None, send_to: tuple[str, ...], **flags: Any
) -> int:
    """Create one report; print its table and its link.

    Every report is archived as a snapshot. Its link shows the same numbers for ever.

    \b
      dynamics query --from 2018-01-01 --to 2018-12-31 --group-by month
      dynamics query --interval "last 30 days" --group-by date --file report.xlsx
      dynamics query --saved monthly_finance --currency EUR --output csv --file - > report.csv
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    fmt = _choose_format(output, path, send_to)
    title, chart, report_query = _build_query(saved, flags)

    from orchestration.cli.table import format_table
    from orchestration.connections import open_archive
    from orchestration.deliveries.requester import get_process_user
    from orchestration.settings import settings
    from orchestration.snapshots import SnapshotDetails, create_snapshot

    file = Path(path) if path and path != _STDOUT else None
    if file:
        check_writable(file)
    recipients = _parse_recipients(send_to) if send_to else ()
    unsent = 0
    with open_archive() as (archive, connection):
        with show_progress("computing the report") as progress:
            moment = datetime.now(UTC)
            snapshot = create_snapshot(
                connection,
                archive,
                report_query,
                SnapshotDetails(title, get_process_user(), moment, saved_query=saved, chart=chart),
                base_currency=settings().base_currency,
                moment=moment,
                progress=progress,
            )
        try:
            if file:
                write_file(file, snapshot.read(fmt))
                print_note(f"written: {file}")
            if recipients:
                unsent = _mail(connection, archive, snapshot, recipients, fmt)
        finally:  # the report is archived, even if its file or mail failed
            to_stderr = path == _STDOUT
            if to_stderr:
                click.echo(snapshot.read(fmt), nl=False)
            table = format_table(sys.stderr if to_stderr else sys.stdout, snapshot.table())
            click.echo(table, err=to_stderr)
            click.echo(snapshot.manifest.link, err=to_stderr)
    return 1 if unsent else 0


def _choose_format(output: str | None, path: str | None, send_to: tuple[str, ...]) -> str:
    """Return the format of the output. Raise RequestError if the flags contradict each other."""
    suffix = Path(path or "").suffix.removeprefix(".").lower()
    fmt = output or (suffix if suffix in _FILE_FORMATS else "csv" if path == _STDOUT else _TERMINAL)
    if path and fmt == _TERMINAL:
        raise RequestError(
            f"--file {path} needs a format: add --output csv, xls, xlsx or json, or use such a suffix"
        )
    if send_to and fmt not in _MAIL_FORMATS:
        raise RequestError(f"--send-to mails a file, not {fmt}: add --output csv, xls or xlsx")
    return fmt


def _parse_recipients(send_to: tuple[str, ...]) -> tuple[str, ...]:
    """Return the addresses. Raise RequestError for an invalid address or invalid mail settings."""
    from orchestration.deliveries import manual

    recipients = manual.parse_recipients(send_to)
    manual.require_mail_settings()
    return recipients


def _mail(
    connection: "Connection[TupleRow]",
    archive: "Archive",
    snapshot: "Snapshot",
    recipients: tuple[str, ...],
    fmt: str,
) -> int:
    """Mail the file and print the result of each mail. Return the number of unsent mails."""
    from orchestration.deliveries.manual import mail_snapshot
    from orchestration.deliveries.report_delivery import describe_mail

    records = mail_snapshot(connection, archive, snapshot, recipients, formats=(fmt,))
    for record in records:
        print_note(describe_mail(record))
    return sum(record.state != "sent" for record in records)


def _build_query(saved: str | None, flags: dict[str, Any]) -> tuple[str, str | None, "ReportQuery"]:
    """Return title, chart and query. A flag overrides the value of the saved query."""
    from orchestration.reporting.parameters import read_query

    values = {key: value for key, value in flags.items() if value not in (None, ())}
    start, end = values.pop("from_", None), values.pop("to", None)
    if (start is None) != (end is None):
        raise RequestError("--from and --to go together; --interval takes a name instead")
    if start is not None and "interval" in values:
        raise RequestError("use --from and --to, or --interval, not both")
    if start is not None:
        values["interval"] = {"from": start, "to": end}
    title, chart = "Customer Dynamics", None
    if saved is not None:
        from orchestration.saved_queries.reader import load_saved_query
        from orchestration.settings import settings

        saved_query = load_saved_query(settings().templates, saved)
        title, chart = saved_query.title, saved_query.output.chart
        values = saved_query.query.model_dump(by_alias=True) | values
    elif "interval" not in values:
        raise RequestError("an interval is missing: use --from and --to, or --interval 'last 12 months'")
    return title, chart, read_query(values, name_key=lambda key: QUERY_PARAMETERS[key].flag)


COMMANDS = (query,)
