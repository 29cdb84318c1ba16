"""`make demo`: the main job on sample data, through the same Dagster assets that the scheduler runs."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from time import monotonic

import click
import dagster as dg

from orchestration import local
from orchestration.connections import database, open_archive, public_url
from orchestration.errors import DynamicsError
from orchestration.rendering import FORMATS
from orchestration.saved_queries.cron import previous_moment
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.saved_queries.saved_query_file import report_templates
from orchestration.scheduling.assets import assets_of, snapshot_key
from orchestration.scheduling.dagster_marts import dbt_resource, marts_assets
from orchestration.scheduling.instance import prepare_dagster_home
from orchestration.scheduling.partitions import partition_key_of
from orchestration.settings import settings
from orchestration.source import ensure_schema, load, write_sample

CLIENTS, MONTHS, SEED = 300, 26, 20


def main() -> int:
    """Sample data, marts, every saved query rendered, archived and mailed; then says where everything is.

    Returns 1 when a saved query failed, after all the others.
    """
    folder = settings().home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _step("sample extract, loaded"):
            load_sample(folder / "extract")
        prepare_dagster_home()
        with dg.DagsterInstance.get() as instance:
            with _step("marts, built and tested by dbt"):
                build(instance, folder / "dbt.log")
            saved_queries, mistakes = report_templates(settings().templates)
            problems = [f"left out: {mistake}" for mistake in mistakes]
            snapshots = {}
            for name, saved_query in saved_queries.items():
                try:
                    with _step(f"{name}, made and {'mailed' if saved_query.delivery else 'archived'}"):
                        snapshots[name] = deliver(instance, saved_query)
                except DynamicsError as error:
                    problems.append(f"{name}: {error}")
        tell_files(snapshots, folder / "reports")
        if settings().smtp_url is None:
            tell_mails(set(snapshots.values()))
    except DynamicsError as error:
        raise SystemExit(f"demo: {error}") from error
    click.echo(f"links (`make serve` serves them at {public_url()})")
    for name, snapshot_id in snapshots.items():
        click.echo(f"  {name:24}{public_url()}/view?id={snapshot_id}")
    for problem in problems:
        click.echo(f"demo: {problem}", err=True)
    return 1 if problems else 0


def load_sample(folder: Path) -> None:
    """Writes the sample extract that ends today, and loads it."""
    write_sample(folder, clients=CLIENTS, months=MONTHS, seed=SEED)
    with database() as connection:
        ensure_schema(connection)
        load(connection, folder, base_currency=settings().base_currency)


def build(instance: dg.DagsterInstance, log: Path) -> None:
    """Materializes the marts; what dbt says meanwhile goes to `log`. Raises DynamicsError."""
    with log.open("w", encoding="utf-8") as file, redirect_stdout(file):
        _materialize(instance, [marts_assets()], resources={"dbt": dbt_resource()})


def deliver(instance: dg.DagsterInstance, saved_query: SavedQuery) -> str:
    """Materializes the snapshot and the delivery of a saved query's latest moment, and gives the id of the snapshot.

    A moment that was delivered before is not delivered again. Raises DynamicsError with the reason of the failure.
    """
    partition_key = None
    if saved_query.delivery and saved_query.delivery.schedule:
        moment = previous_moment(
            saved_query.delivery.schedule, saved_query.schedule_timezone, datetime.now(UTC)
        )
        partition_key = partition_key_of(saved_query, moment)
    made = _materialize(instance, [assets_of(saved_query)], partition_key=partition_key)
    (snapshot,) = (
        event
        for event in made.get_asset_materialization_events()
        if event.asset_key == snapshot_key(saved_query)
    )
    return str(snapshot.materialization.metadata["link"].value).rpartition("=")[2]


def _materialize(
    instance: dg.DagsterInstance,
    assets: list[dg.AssetsDefinition],
    *,
    partition_key: str | None = None,
    resources: dict[str, object] | None = None,
) -> dg.ExecuteInProcessResult:
    made = dg.materialize(
        assets,
        instance=instance,
        partition_key=partition_key,
        resources=resources,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    for event in made.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            told = failure.user_failure_data.description if failure.user_failure_data else None
            raise DynamicsError(told or f"see `make serve`, Dagster, run {made.run_id}")
    return made


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


def tell_mails(snapshot_ids: set[str]) -> None:
    """Names the mails of these snapshots in the local mailbox, each with its recipient and subject."""
    click.echo("mails")
    for path in sorted((local.maildir(settings().home) / "new").iterdir()):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        if mail["X-Customer-Dynamics-Snapshot"] in snapshot_ids:
            click.echo(f"  {path}  to {mail['Delivered-To']}: {mail['Subject']}")


@contextmanager
def _step(name: str) -> Iterator[None]:
    """Tells of a step when it begins, and how long it took or that it failed."""
    began = monotonic()
    click.echo(f"{name} … ", nl=False)
    sys.stdout.flush()
    try:
        yield
    except DynamicsError:
        click.echo("failed")
        raise
    click.echo(f"{monotonic() - began:.1f} s")


if __name__ == "__main__":
    sys.exit(main())
