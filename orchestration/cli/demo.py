"""The command `demo`: the main job on sample data, with the Dagster assets of the scheduler."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

import click

from orchestration.errors import DynamicsError

if TYPE_CHECKING:
    import dagster as dg

    from orchestration.saved_queries.saved_query import SavedQuery

_CLIENTS, _MONTHS, _SEED = 300, 26, 20
"""The size of the sample extract."""


@click.command()
def demo() -> int:
    """Run the main job on sample data: marts, reports, mails, links.

    The command loads a sample extract, builds the marts, and renders, archives and mails every
    saved query. It then prints where the files, mails and links are. It exits with 1 if a saved
    query failed; the others are delivered all the same.
    """
    import dagster as dg

    from orchestration.connections import public_url
    from orchestration.saved_queries.reader import read_saved_queries
    from orchestration.scheduling.instance import prepare_dagster_home
    from orchestration.settings import settings

    folder = settings().home / "demo"
    folder.mkdir(parents=True, exist_ok=True)
    with _show_step("sample extract, loaded"):
        _load_sample(folder / "extract")
    prepare_dagster_home()
    with dg.DagsterInstance.get() as instance:
        with _show_step("marts, built and tested by dbt"):
            _build_marts(instance, folder / "dbt.log")
        saved_queries, mistakes = read_saved_queries(settings().templates)
        problems = [f"left out: {mistake}" for mistake in mistakes]
        snapshot_ids = {}
        for name, saved_query in saved_queries.items():
            action = "mailed" if saved_query.delivery else "archived"
            try:
                with _show_step(f"{name}, computed and {action}"):
                    snapshot_ids[name] = _deliver(instance, saved_query)
            except DynamicsError as error:
                problems.append(f"{name}: {error}")
    _write_files(snapshot_ids, folder / "reports")
    if settings().smtp_url is None:
        _list_mails(set(snapshot_ids.values()))
    click.echo(f"links (`make serve` serves them at {public_url()})")
    for name, snapshot_id in snapshot_ids.items():
        click.echo(f"  {name:24}{public_url()}/view?id={snapshot_id}")
    for problem in problems:
        click.echo(f"demo: {problem}", err=True)
    return 1 if problems else 0


def _load_sample(folder: Path) -> None:
    """Write a sample extract that ends today, and load it."""
    from orchestration.connections import database
    from orchestration.settings import settings
    from orchestration.source import ensure_schema, load, write_sample

    write_sample(folder, clients=_CLIENTS, months=_MONTHS, seed=_SEED)
    with database() as connection:
        ensure_schema(connection)
        load(connection, folder, base_currency=settings().base_currency)


def _build_marts(instance: "dg.DagsterInstance", log: Path) -> None:
    """Materialize the marts. Write the output of dbt to `log`. Raise DynamicsError if it fails."""
    from orchestration.scheduling.marts_assets import build_dbt_resource, build_marts_assets

    with log.open("w", encoding="utf-8") as file, redirect_stdout(file):
        _materialize(instance, [build_marts_assets()], resources={"dbt": build_dbt_resource()})


def _deliver(instance: "dg.DagsterInstance", saved_query: "SavedQuery") -> str:
    """Materialize snapshot and delivery of the latest scheduled moment. Return the snapshot's id.

    A moment that was delivered before is not delivered again. Raise DynamicsError if it fails.
    """
    from orchestration.saved_queries.cron import find_previous_moment
    from orchestration.scheduling.assets import build_assets, build_snapshot_key
    from orchestration.scheduling.partitions import format_partition_key

    partition_key = None
    if saved_query.delivery and saved_query.delivery.schedule:
        moment = find_previous_moment(
            saved_query.delivery.schedule, saved_query.schedule_timezone, datetime.now(UTC)
        )
        partition_key = format_partition_key(saved_query, moment)
    result = _materialize(instance, [build_assets(saved_query)], partition_key=partition_key)
    (snapshot,) = (
        event
        for event in result.get_asset_materialization_events()
        if event.asset_key == build_snapshot_key(saved_query)
    )
    return str(snapshot.materialization.metadata["link"].value).rpartition("=")[2]


def _materialize(
    instance: "dg.DagsterInstance",
    assets: "list[dg.AssetsDefinition]",
    *,
    partition_key: str | None = None,
    resources: dict[str, object] | None = None,
) -> "dg.ExecuteInProcessResult":
    import dagster as dg

    result = dg.materialize(
        assets,
        instance=instance,
        partition_key=partition_key,
        resources=resources,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )
    for event in result.all_events:
        if event.is_step_failure:
            failure = event.step_failure_data
            reason = failure.user_failure_data.description if failure.user_failure_data else None
            raise DynamicsError(reason or f"see run {result.run_id} in Dagster (`make serve`)")
    return result


def _write_files(snapshot_ids: dict[str, str], folder: Path) -> None:
    """Write the report files of the snapshots to `folder`, and print their paths."""
    from orchestration.connections import open_archive
    from orchestration.rendering import FORMATS

    click.echo("files")
    with open_archive() as (archive, _):
        for name, snapshot_id in snapshot_ids.items():
            snapshot = archive.open(snapshot_id)
            for fmt, file in snapshot.manifest.files.items():
                if fmt in FORMATS:
                    path = folder / name / file.filename
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(snapshot.read(fmt))
                    click.echo(f"  {path}")


def _list_mails(snapshot_ids: set[str]) -> None:
    """Print the mails of these snapshots in the local mailbox, with recipient and subject."""
    from orchestration import local
    from orchestration.settings import settings

    click.echo("mails")
    for path in sorted((local.maildir(settings().home) / "new").iterdir()):
        mail = message_from_bytes(path.read_bytes(), policy=policy.default)
        if mail["X-Customer-Dynamics-Snapshot"] in snapshot_ids:
            click.echo(f"  {path}  to {mail['Delivered-To']}: {mail['Subject']}")


@contextmanager
def _show_step(name: str) -> Iterator[None]:
    """Print the name of a step, and at its end how long it took or that it failed."""
    began = monotonic()
    click.echo(f"{name} … ", nl=False)
    sys.stdout.flush()
    try:
        yield
    except DynamicsError:
        click.echo("failed")
        raise
    click.echo(f"{monotonic() - began:.1f} s")


COMMANDS = (demo,)
