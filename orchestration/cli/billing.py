"""`load`, `build` and `sample`: the way of the data from an extract to the marts."""

from datetime import datetime
from pathlib import Path

import click

from orchestration.cli.moments import MOMENT
from orchestration.cli.output import progress, remark


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--as-of", type=MOMENT, help="Up to when the extract is complete, with an offset or Z. Default: now."
)
def load(folder: Path, as_of: datetime | None) -> None:
    """Loads a CSV extract into the `billing` schema, all or nothing.

    DIR holds clients.csv, client_tags.csv, packages.csv, transactions.csv and exchange_rates.csv, or those of
    them that changed; .csv.gz and .csv.zst work too. Rows are upserted by key; a client's tags are replaced by the extract's.
    A bad row names file, line, column and value, and nothing is loaded. Run `dynamics build` afterwards.
    """
    from orchestration.connections import database
    from orchestration.settings import settings
    from orchestration.source import ensure_schema
    from orchestration.source import load as load_extract

    with database() as connection, progress("loading", in_bytes=True) as tell:
        ensure_schema(connection)
        summary = load_extract(
            connection, folder, as_of=as_of, base_currency=settings().base_currency, progress=tell
        )
    for table, changes in summary.tables.items():
        told = f"{changes.inserted:,} new, {changes.updated:,} changed"
        click.echo(f"{table:16}{told}{f', {changes.deleted:,} taken away' if changes.deleted else ''}")
    click.echo(f"load {summary.load_id}: the data is known up to {summary.as_of:%Y-%m-%d %H:%M:%S%z}")
    remark("next: `dynamics build` brings the marts up to date")


@click.command()
@click.option("--full-refresh", is_flag=True, help="Rebuild everything instead of what changed.")
def build(full_refresh: bool) -> None:
    """Brings the marts up to date with the `billing` schema.

    Reports go on answering from the last build until this one is finished, and see all of it or nothing.
    """
    from orchestration.builds import build_marts
    from orchestration.connections import database
    from orchestration.settings import settings

    with database() as connection, progress("building the marts") as tell:
        finished = 0

        def on_step(_: str) -> None:
            nonlocal finished
            finished += 1
            tell(f"building the marts: {finished} steps done", finished, 0)

        done = build_marts(
            connection, state=settings().home / "dbt", full_refresh=full_refresh, progress=on_step
        )
    click.echo(f"build {done.build_id}: the marts know the data up to {done.as_of:%Y-%m-%d %H:%M:%S%z}")


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--clients", default=200, show_default=True, type=click.IntRange(1), help="How many clients.")
@click.option(
    "--months", default=24, show_default=True, type=click.IntRange(1), help="How many months of history."
)
@click.option("--seed", default=1, show_default=True, help="Same seed, same extract.")
def sample(folder: Path, clients: int, months: int, seed: int) -> None:
    """Writes a realistic extract, for a first look or a load test.

    DIR is made if it is not there. Resellers, tags, packages and several currencies, with back-dated, rerated and voided transactions.
    """
    from orchestration.source import write_sample

    with progress("writing") as tell:
        summary = write_sample(folder, clients=clients, months=months, seed=seed, until=None, progress=tell)
    for table, rows in summary.rows.items():
        click.echo(f"{table:16}{rows:,}")
    remark(f"next: `dynamics load {folder}`")


COMMANDS = (load, build, sample)
