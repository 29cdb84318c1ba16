"""`make demo`: the main job on sample data, through the same Dagster assets that the scheduler runs."""

import contextlib
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

import click
import dagster as dg

from orchestration import local
from orchestration.connections import database, open_archive, public_url
from orchestration.deliveries.assets import assets_of, partition_key_of
from orchestration.deliveries.cron import previous_moment
from orchestration.deliveries.dagster_marts import dbt_resource, marts_assets
from orchestration.deliveries.instance import prepare_dagster_home
from orchestration.deliveries.saved_query_file import report_templates
from orchestration.errors import DynamicsError
from orchestration.rendering import FORMATS
from orchestration.settings import settings
from orchestration.source import ensure_schema, load, write_sample

CLIENTS, MONTHS, SEED = 300, 26, 20


def main() -> None:
    """Sample data, marts, every saved query rendered, archived and mailed; then says where everything is."""
    try:
        with step("writing and loading a sample extract"):
            load_sample(settings().home / "demo" / "extract")
        with step("building the marts, making and mailing the reports, through Dagster"):
            snapshots = materialize_all()
    except DynamicsError as error:
        raise SystemExit(f"demo: {error}") from error
    tell_files(snapshots, settings().home / "demo" / "reports")
    if settings().smtp_url is None:
        tell_mails()
    click.echo(f"links (`make serve` serves them at {public_url()})")
    for name, snapshot_id in snapshots.items():
        click.echo(f"  {name:24}{public_url()}/view?id={snapshot_id}")


def load_sample(folder: Path) -> None:
    """Writes the sample extract that ends today, and loads it."""
    write_sample(folder, clients=CLIENTS, months=MONTHS, seed=SEED)
    with database() as connection:
        ensure_schema(connection)
        load(connection, folder, base_currency=settings().base_currency)


def materialize_all() -> dict[str, str]:
    """Materializes the marts, then the snapshot and delivery of each saved query's latest moment; snapshot ids by name."""
    prepare_dagster_home()
    instance = dg.DagsterInstance.get()
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    dg.materialize([marts_assets()], instance=instance, resources={"dbt": dbt_resource()}, run_config=quiet)
    snapshots = {}
    saved_queries, problems = report_templates(settings().templates)
    for problem in problems:
        click.echo(f"left out: {problem}", err=True)
    for name, saved_query in saved_queries.items():
        partition_key = None
        if saved_query.delivery and saved_query.delivery.schedule:
            moment = previous_moment(saved_query.delivery.schedule, saved_query.schedule_timezone, datetime.now(UTC))
            partition_key = partition_key_of(saved_query, moment)
        made = dg.materialize(
            assets_of(saved_query), instance=instance, partition_key=partition_key, run_config=quiet
        )
        link = made.asset_materializations_for_node(f"snapshot_{saved_query.identifier}")[0].metadata["link"]
        snapshots[name] = str(link.value).rpartition("=")[2]
    return snapshots


def tell_files(snapshots: dict[str, str], folder: Path) -> None:
    """Takes every stored file out of the archive into `folder`, and names it."""
    click.echo("files")
    with open_archive() as (archive, _):
        for name, snapshot_id in snapshots.items():
            snapshot = archive.open(snapshot_id)
            for fmt, file in snapshot.manifest.files.items():
                if fmt in FORMATS:
                    path = folder / name / file.filename
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(snapshot.read(fmt))
                    click.echo(f"  {path}")


def tell_mails() -> None:
    """Names every mail in the local mailbox, with its recipient and subject."""
    click.echo("mails")
    for path in sorted((local.maildir(settings().home) / "new").iterdir()):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        click.echo(f"  {path}  to {mail['Delivered-To']}: {mail['Subject']}")


@contextlib.contextmanager
def step(name: str) -> Iterator[None]:
    """Tells of a step when it begins, and how long it took."""
    began = datetime.now(UTC)
    click.echo(f"{name} … ", nl=False)
    sys.stdout.flush()
    yield
    click.echo(f"{(datetime.now(UTC) - began).total_seconds():.1f} s")


if __name__ == "__main__":
    main()
