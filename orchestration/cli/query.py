"""`query`: one report now, as a table, a file, a mail, and always as a snapshot behind a link."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.output import progress, remark, require_writable, write
from orchestration.errors import RequestError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg.rows import TupleRow

    from orchestration.archive import Archive, Snapshot
    from orchestration.reporting.parameters import ReportQuery

_STDOUT = "-"
_FLAGS = {"client_tags": "--client-tag", "owners": "--owner", "packages": "--package"}
_MAILED = ("csv", "xls", "xlsx")
_WRITTEN = (*_MAILED, "json")


@click.command()
@click.option("--saved", metavar="NAME", help="Start from a saved query; other flags override it.")
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
    help="Instead: today, yesterday, 'this month', 'previous quarter', 'last 12 months', …",
)
@click.option(
    "--timezone", metavar="ZONE", help="IANA name; every boundary is a wall-clock time there. Default UTC."
)
@click.option("--client-type", metavar="TYPE", help="client (default), reseller, calling_card or call_shop.")
@click.option(
    "--client-tag",
    "client_tags",
    metavar="TAG",
    multiple=True,
    help="Clients with this tag; repeat it: with any of them.",
)
@click.option(
    "--owner",
    "owners",
    metavar="RESELLER",
    multiple=True,
    help="Clients of this reseller, by name or id; repeat it: of any.",
)
@click.option(
    "--package",
    "packages",
    metavar="PACKAGE",
    multiple=True,
    help="Clients that hold this, by name or id; repeat it: any.",
)
@click.option(
    "--group-by",
    metavar="GROUP",
    multiple=True,
    help="year, month or date; package_name; or repeat it for one of each.",
)
@click.option("--currency", metavar="CODE", help="Currency of the report. Default: the base currency.")
@click.option(
    "--active-duration",
    metavar="MONTHS",
    type=int,
    help="How long a paid service keeps a client active. Default 3.",
)
@click.option(
    "--output",
    type=click.Choice(["web", *_WRITTEN]),
    help="What --file and --send-to get. Default: by the file's name, else web.",
)
@click.option(
    "--file",
    "path",
    metavar="PATH",
    help="Write the output there; - is standard output, all else then goes to standard error.",
)
@click.option(
    "--send-to",
    metavar="ADDR",
    multiple=True,
    help="Mail the output (csv, xls or xlsx) to this address too; repeat it.",
)
def query(
    saved: str | None, output: str | None, path: str | None, send_to: tuple[str, ...], **flags: Any
) -> int:
    """Makes one report; prints its table and its link.

    The report is kept as a snapshot, whatever the output: its link shows the same numbers for ever.

    \b
      dynamics query --from 2018-01-01 --to 2018-12-31 --group-by month
      dynamics query --interval "last 30 days" --group-by date --file report.xlsx
      dynamics query --saved monthly_finance --currency EUR --output csv --file - > report.csv
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    chosen = _output(output, path, send_to)
    title, chart, asked = _asked(saved, flags)

    from orchestration.cli.table import table_for
    from orchestration.connections import open_archive
    from orchestration.deliveries.requester import this_user
    from orchestration.reporting.engine import make_report
    from orchestration.settings import settings

    file = Path(path) if path and path != _STDOUT else None
    if file:
        require_writable(file)
    to = _recipients(send_to) if send_to else ()
    unsent = 0
    with open_archive() as (archive, connection):
        with progress("making the report") as tell:
            moment = datetime.now(UTC)
            snapshot = archive.keep(
                make_report(
                    connection,
                    asked,
                    base_currency=settings().base_currency,
                    moment=moment,
                    with_clients=True,
                    progress=tell,
                ),
                title=title,
                generated_by=this_user(),
                generated_at=moment,
                saved_query=saved,
                chart=chart,
                progress=tell,
            )
        try:
            if file:
                write(file, snapshot.read(chosen))
                remark(f"written: {file}")
            if to:
                unsent = _mail(connection, archive, snapshot, to, chosen)
        finally:  # the report is made, whatever became of its file and mail
            aside = path == _STDOUT
            if aside:
                click.echo(snapshot.read(chosen), nl=False)
            click.echo(table_for(sys.stderr if aside else sys.stdout, snapshot.table()), err=aside)
            click.echo(snapshot.manifest.link, err=aside)
    return 1 if unsent else 0


def _output(output: str | None, path: str | None, send_to: tuple[str, ...]) -> str:
    """The format that is written or mailed. Raises RequestError for a combination that says nothing."""
    by_name = Path(path or "").suffix.removeprefix(".").lower()
    chosen = output or (by_name if by_name in _WRITTEN else "csv" if path == _STDOUT else "web")
    if path and chosen == "web":
        raise RequestError(
            f"--file {path} needs a format: add --output csv, xls, xlsx or json, or name it so"
        )
    if send_to and chosen not in _MAILED:
        raise RequestError(f"--send-to mails a file, not {chosen}: add --output csv, xls or xlsx")
    return chosen


def _recipients(send_to: tuple[str, ...]) -> tuple[str, ...]:
    """Return whom to mail to. Raises RequestError for a wrong address and for wrong settings of the mail."""
    from orchestration.deliveries import on_request

    to = on_request.recipients(send_to)
    on_request.require_mail_settings()
    return to


def _mail(
    connection: "Connection[TupleRow]",
    archive: "Archive",
    snapshot: "Snapshot",
    to: tuple[str, ...],
    fmt: str,
) -> int:
    """Mail the file of that format, tell what became of each mail, and return how many were not sent."""
    from orchestration.deliveries.dispatch import told
    from orchestration.deliveries.on_request import mail_snapshot

    rows = mail_snapshot(connection, archive, snapshot, to, formats=(fmt,))
    for row in rows:
        remark(told(row))
    return sum(row.state != "sent" for row in rows)


def _asked(saved: str | None, flags: dict[str, Any]) -> tuple[str, str | None, "ReportQuery"]:
    """Title, chart and parameters: the saved ones where there are, under those given as flags."""
    from orchestration.reporting.parameters import read_query

    given = {key: value for key, value in flags.items() if value not in (None, ())}
    start, end = given.pop("from_", None), given.pop("to", None)
    if (start is None) != (end is None):
        raise RequestError("--from and --to go together; --interval takes a name instead")
    if start is not None and "interval" in given:
        raise RequestError("give --from and --to, or --interval, not both")
    if start is not None:
        given["interval"] = {"from": start, "to": end}
    title, chart = "Customer Dynamics", None
    if saved is not None:
        from orchestration.saved_queries.saved_query_file import load_saved_query
        from orchestration.settings import settings

        template = load_saved_query(settings().templates, saved)
        title, chart = template.title, template.output.chart
        given = template.query.model_dump(by_alias=True) | given
    elif "interval" not in given:
        raise RequestError("an interval is needed: --from and --to, or --interval 'last 12 months'")
    return title, chart, read_query(given, shown_as=lambda key: _FLAGS.get(key, f"--{key.replace('_', '-')}"))


COMMANDS = (query,)
