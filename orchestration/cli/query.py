"""`query`: one report now, as a table, a file, a mail, and always as a snapshot behind a link."""

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestration.cli.output import remark
from orchestration.errors import RequestError

if TYPE_CHECKING:
    from orchestration.reporting.parameters import ReportQuery

_FLAGS = {"client_tags": "--client-tag", "owners": "--owner", "packages": "--package"}
_OUTPUTS = ("web", "csv", "xls", "xlsx", "json")


@click.command()
@click.option("--saved", metavar="NAME", help="Start from a saved query; other flags override it.")
@click.option("--from", "from_", metavar="WHEN", help="First day or second, such as 2018-01-01 or '2018-01-01 12:00:00'.")
@click.option("--to", metavar="WHEN", help="Last day or second, inclusive.")
@click.option("--interval", metavar="NAME", help="Instead: today, yesterday, 'this month', 'previous quarter', 'last 12 months', …")
@click.option("--timezone", metavar="ZONE", help="IANA name; every boundary is a wall-clock time there. Default UTC.")
@click.option("--client-type", metavar="TYPE", help="client (default), reseller, calling_card or call_shop.")
@click.option("--client-tag", "client_tags", metavar="TAG", multiple=True, help="Clients with any of these tags.")
@click.option("--owner", "owners", metavar="RESELLER", multiple=True, help="Clients of any of these resellers, by name or id.")
@click.option("--package", "packages", metavar="PACKAGE", multiple=True, help="Clients that hold any of these, by name or id.")
@click.option("--group-by", metavar="GROUP", multiple=True, help="One of year, month, date, and/or package_name.")
@click.option("--currency", metavar="CODE", help="Currency of the report. Default: the base currency.")
@click.option("--active-duration", metavar="MONTHS", type=int, help="How long a paid service keeps a client active. Default 3.")
@click.option("--output", type=click.Choice(_OUTPUTS), help="What --file and --send-to get. Default: by the file's name, else web.")
@click.option("--file", "path", metavar="PATH", help="Write the output there; - is standard output.")
@click.option("--send-to", metavar="ADDR", multiple=True, help="Mail the output to this address too; not with web.")
def query(saved: str | None, output: str | None, path: str | None, send_to: tuple[str, ...], **flags: Any) -> None:
    """Makes one report and its snapshot; prints the table and the link.

    \b
      dynamics query --from 2018-01-01 --to 2018-12-31 --group-by month
      dynamics query --interval "last 30 days" --group-by date --output xlsx --file report.xlsx
      dynamics query --saved monthly --currency EUR --output csv --file - > report.csv
    """  # noqa: D301 - click's mark for a paragraph that keeps its lines
    chosen = _output(output, path, send_to)
    title, saved_query, asked = _asked(saved, flags)

    from orchestration.connections import open_archive, public_url
    from orchestration.deliveries.on_request import mail_snapshot
    from orchestration.reporting.engine import make_report
    from orchestration.rendering import text_table
    from orchestration.settings import settings

    with open_archive() as (archive, connection):
        moment = datetime.now(UTC)
        report = make_report(connection, asked, base_currency=settings().base_currency, moment=moment)
        snapshot = archive.keep(
            report,
            title=title,
            generated_by=f"user {getpass.getuser()}",
            generated_at=moment,
            saved_query=saved_query,
        )
        if path == "-":
            click.get_binary_stream("stdout").write(snapshot.read(chosen))
        else:
            click.echo(text_table(report.table))
            if path:
                Path(path).write_bytes(snapshot.read(chosen))
                remark(f"written: {path}")
        if send_to:
            for row in mail_snapshot(connection, archive, snapshot, send_to, formats=(chosen,)):
                remark(f"{row.state} to {row.recipient} ({row.reply})")
    (remark if path == "-" else click.echo)(f"{public_url()}/view?id={snapshot.manifest.id}")


def _output(output: str | None, path: str | None, send_to: tuple[str, ...]) -> str:
    """The format that is written or mailed. Raises RequestError for a combination that says nothing."""
    by_name = Path(path or "").suffix.removeprefix(".").lower()
    chosen = output or (by_name if by_name in _OUTPUTS else "csv" if path else "web")
    if chosen == "web" and send_to:
        raise RequestError("--send-to mails a file: add --output csv, xls or xlsx")
    if chosen == "web" and path:
        raise RequestError("--file needs a format: add --output csv, xls, xlsx or json")
    return chosen


def _asked(saved: str | None, flags: dict[str, Any]) -> tuple[str, str | None, "ReportQuery"]:
    """Title, name and parameters: the saved ones where there are, under those given as flags."""
    from orchestration.reporting.parameters import read_query

    given = {key: value for key, value in flags.items() if value not in (None, ())}
    start, end = given.pop("from_", None), given.pop("to", None)
    if (start is None) != (end is None):
        raise RequestError("--from and --to go together; --interval takes a name instead")
    if start is not None and "interval" in given:
        raise RequestError("give --from and --to, or --interval, not both")
    if start is not None:
        given["interval"] = {"from": start, "to": end}
    title, values = "Customer Dynamics", {}
    if saved is not None:
        from orchestration.deliveries.saved_query_file import load_saved_query
        from orchestration.settings import settings

        template = load_saved_query(settings().templates, saved)
        title, values = template.title, template.query.model_dump(by_alias=True)
    elif "interval" not in given:
        raise RequestError("an interval is needed: --from and --to, or --interval 'last 12 months'")
    asked = read_query(values | given, shown_as=lambda key: _FLAGS.get(key, f"--{key.replace('_', '-')}"))
    return title, saved, asked


COMMANDS = (query,)
