"""The commands `load`, `build` and `sample`: from an extract to the marts."""

from datetime import datetime
from pathlib import Path

import click

from orchestration.cli.output import print_note, show_progress
from orchestration.cli.timestamps import TIMESTAMP


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--as-of",
    type=TIMESTAMP,
    help="The time up to which the extract is complete, with an offset or Z. Default: now.",
)
def load(folder: Path, as_of: datetime | None) -> None:
    """Load a CSV extract into the `billing` schema, all or nothing.

    DIR contains clients.csv, client_tags.csv, packages.csv, transactions.csv and
    exchange_rates.csv. A file may be missing, and it may be compressed (.csv.gz, .csv.zst). Rows
    are inserted or updated by key. The tags of each client in client_tags.csv replace the
    client's earlier tags. If a row is wrong, the message names file, line, column and value, and
    nothing is loaded. Run `dynamics build` afterwards.
    """
    from orchestration.connections import database
    from orchestration.settings import settings
    from orchestration.source import ensure_schema
    from orchestration.source import load as load_extract

    with database() as connection, show_progress("loading", in_bytes=True) as progress:
        ensure_schema(connection)
        summary = load_extract(
            connection, folder, as_of=as_of, base_currency=settings().base_currency, progress=progress
        )
    for table, counts in summary.tables.items():
        changes = f"{counts.inserted:,} new, {counts.updated:,} changed"
        click.echo(f"{table:16}{changes}{f', {counts.deleted:,} removed' if counts.deleted else ''}")
    click.echo(f"load {summary.load_id}: the data is known up to {summary.as_of:%Y-%m-%d %H:%M:%S%z}")
    print_note("next: `dynamics build` brings the marts up to date")


@click.command()
@click.option("--full-refresh", is_flag=True, help="Rebuild everything, not only what changed.")
def build(full_refresh: bool) -> None:
    """Bring the marts up to date with the `billing` schema.

    Until the build is finished, reports use the previous build. A report never mixes two builds.
    """
    from orchestration.builds import build_marts
    from orchestration.connections import database
    from orchestration.settings import settings

    with database() as connection, show_progress("building the marts") as progress:
        finished = 0

        def count_step(_step: str, _done: int, _total: int) -> None:
            nonlocal finished
            finished += 1
            progress(f"building the marts: {finished} steps done", finished, 0)

        done = build_marts(
            connection, state=settings().home / "dbt", full_refresh=full_refresh, progress=count_step
        )
    click.echo(f"build {done.build_id}: the marts know the data up to {done.as_of:%Y-%m-%d %H:%M:%S%z}")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--clients", default=200, show_default=True, type=click.IntRange(1), help="Number of clients.")
@click.option(
    "--months", default=24, show_default=True, type=click.IntRange(1), help="Number of months of history."
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same extract.")
def sample(folder: Path, clients: int, months: int, seed: int) -> None:
    """Write a realistic extract, for a first look or a load test.

    DIR is created if it is missing. The extract has resellers, tags, packages and several
    currencies, with back-dated, corrected and voided transactions.
    """
    from orchestration.source import write_sample

    with show_progress("writing") as progress:
        summary = write_sample(
            folder, clients=clients, months=months, seed=seed, until=None, progress=progress
        )
    for table, rows in summary.rows.items():
        click.echo(f"{table:16}{rows:,}")
    print_note(f"next: `dynamics load {folder}`")


COMMANDS = (load, build, sample)
