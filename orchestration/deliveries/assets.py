"""Saved queries as Dagster assets: the snapshot, the check that stands between, and the delivery."""

import time
from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo

import dagster as dg

from orchestration.archive import Snapshot
from orchestration.connections import open_archive
from orchestration.deliveries.occurrences import Occurrence, delivery_occurrence
from orchestration.deliveries.post import letter_of, queue_letter, send_queued
from orchestration.deliveries.reports import problems_of, snapshot_of
from orchestration.deliveries.saved_query import SavedQuery
from orchestration.mailing.delivery import deliveries
from orchestration.rendering import markdown_table
from orchestration.settings import settings

FIRST_OCCURRENCE = datetime(2015, 1, 1, tzinfo=UTC)
"""Scheduled moments before this one have no partition: nobody's billing data is older."""

_KEY = "%Y-%m-%dT%H:%M%z"
"""With its offset, so that the two passes of a repeated hour have a key each."""

MARTS = [dg.AssetKey("mart_balances_monthly"), dg.AssetKey("mart_flows_daily")]


def snapshot_key(saved_query: SavedQuery) -> dg.AssetKey:
    """`snapshots/NAME`."""
    return dg.AssetKey(["snapshots", saved_query.identifier])


@cache
def occurrences_of(cron: str, timezone: str) -> dg.TimeWindowPartitionsDefinition:
    """A partition for each scheduled moment, named by its instant; the one that has just come is there at once."""
    return dg.TimeWindowPartitionsDefinition(
        start=FIRST_OCCURRENCE, cron_schedule=cron, timezone=timezone, fmt=_KEY, end_offset=1
    )


def partitions_of(saved_query: SavedQuery) -> dg.TimeWindowPartitionsDefinition | None:
    """The scheduled moments of a saved query as partitions; None for one without a schedule."""
    if saved_query.delivery is None or saved_query.delivery.schedule is None:
        return None
    return occurrences_of(saved_query.delivery.schedule, saved_query.schedule_timezone)


def partition_key_of(saved_query: SavedQuery, moment: datetime) -> str:
    """The partition of a scheduled moment (aware)."""
    return moment.astimezone(ZoneInfo(saved_query.schedule_timezone)).strftime(_KEY)


def assets_of(saved_query: SavedQuery) -> list[dg.AssetsDefinition]:
    """The snapshot of a saved query with its check, and its delivery where it has one."""
    return [_snapshot_asset(saved_query), *([_delivery_asset(saved_query)] if saved_query.delivery else [])]


def _snapshot_asset(saved_query: SavedQuery) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"snapshot_{saved_query.identifier}",
        specs=[
            dg.AssetSpec(
                snapshot_key(saved_query),
                deps=MARTS,
                description=saved_query.description or saved_query.title,
                group_name="reports",
                kinds={"postgres", "s3"},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "report_is_right",
                asset=snapshot_key(saved_query),
                blocking=True,
                description="Balance = Pos + Neg, no quantity below zero, every period there.",
            )
        ],
        partitions_def=partitions_of(saved_query),
        pool="warehouse",
    )
    def make(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        began = time.monotonic()
        with open_archive() as (archive, connection):
            occurrence = delivery_occurrence(connection, saved_query.name, _moment(context), _generated_by(context))
            snapshot = snapshot_of(connection, archive, saved_query, occurrence, settings().base_currency)
        problems = problems_of(snapshot, occurrence.scheduled_at)
        return dg.MaterializeResult(
            metadata=_metadata(snapshot, occurrence) | {"seconds": time.monotonic() - began},
            check_results=[dg.AssetCheckResult(passed=not problems, metadata={"problems": problems})],
        )

    return make


def _delivery_asset(saved_query: SavedQuery) -> dg.AssetsDefinition:
    @dg.asset(
        key=["deliveries", saved_query.identifier],
        deps=[snapshot_key(saved_query)],
        description=f"Mails of {saved_query.title}",
        group_name="reports",
        kinds={"email"},
        partitions_def=partitions_of(saved_query),
        pool="mail",
    )
    def send(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        began = time.monotonic()
        with open_archive() as (archive, connection):
            occurrence = delivery_occurrence(connection, saved_query.name, _moment(context), _generated_by(context))
            snapshot = archive.open(occurrence.snapshot_id)
            queue_letter(connection, occurrence, letter_of(saved_query, snapshot, occurrence))
            send_queued(connection, archive, occurrence.occurrence_id)
            rows = deliveries(connection, occurrence_id=occurrence.occurrence_id, limit=1000)
        unsent = [row for row in rows if row.state != "sent"]
        if unsent:
            told = "; ".join(f"{row.recipient} is {row.state}: {row.reply}" for row in unsent)
            raise dg.Failure(f"not sent to all: {told}; see `dynamics deliveries list --query {saved_query.name}`")
        return dg.MaterializeResult(
            metadata={
                "link": dg.MetadataValue.url(snapshot.manifest.link),
                "recipients": [f"{row.header}: {row.recipient}, {row.state}" for row in rows],
                "seconds": time.monotonic() - began,
            }
        )

    return send


def _moment(context: dg.AssetExecutionContext) -> datetime:
    """The occurrence's instant: the partition's, or when the run was asked for, the same at a retry of its steps."""
    if context.has_partition_key:
        return context.partition_time_window.start.astimezone(UTC)
    root = context.run.root_run_id or context.run.run_id
    record = context.instance.get_run_record_by_id(root)
    return record.create_timestamp.astimezone(UTC) if record else datetime.now(UTC)


def _generated_by(context: dg.AssetExecutionContext) -> str:
    tags = context.run.tags
    if "dagster/backfill" in tags:
        return "backfill"
    return "schedule" if "dagster/schedule_name" in tags else "Dagster"


def _metadata(snapshot: Snapshot, occurrence: Occurrence) -> dict[str, dg.MetadataValue]:
    manifest = snapshot.manifest
    files = "\n".join(
        f"- [{file.filename}]({manifest.link}&format={fmt}), {file.size:,} bytes"
        for fmt, file in manifest.files.items()
        if fmt != "table"
    )
    return {
        "link": dg.MetadataValue.url(manifest.link),
        "occurrence": dg.MetadataValue.timestamp(occurrence.scheduled_at),
        "files": dg.MetadataValue.md(files),
        "table": dg.MetadataValue.md(markdown_table(snapshot.table())),
    }
