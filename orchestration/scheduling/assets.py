"""Saved queries as Dagster assets: the snapshot, the check that stands between, and the delivery."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg

from orchestration.archive import Snapshot, SnapshotNotFound
from orchestration.connections import open_archive
from orchestration.deliveries.catching_up import SCHEDULED
from orchestration.deliveries.dispatch import mail_report, told, unsent
from orchestration.deliveries.occurrences import delivery_occurrence
from orchestration.deliveries.post import letter_of
from orchestration.deliveries.reports import problems_of, snapshot_of
from orchestration.errors import DynamicsError, Unavailable
from orchestration.rendering import FORMATS, markdown_table
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.dagster_marts import MARTS
from orchestration.scheduling.partitions import partitions_of
from orchestration.settings import settings

SEND_TAG = "dynamics/send"
"""A backfill mails only when it carries this tag as `true`: nobody wants sixty months of old reports by mistake."""

NOT_FINAL = "not_final"
"""Metadata of a failure that ends by itself: mails wait in the outbox, and moments are asked for again."""


def snapshot_key(saved_query: SavedQuery) -> dg.AssetKey:
    """`snapshots/NAME`."""
    return dg.AssetKey(["snapshots", saved_query.identifier])


def delivery_key(saved_query: SavedQuery) -> dg.AssetKey:
    """`deliveries/NAME`."""
    return dg.AssetKey(["deliveries", saved_query.identifier])


def all_assets(saved_queries: Sequence[SavedQuery]) -> list[dg.AssetsDefinition]:
    """The assets of all saved queries; a report that several share is computed once a run."""
    asked = Counter(saved_query.query for saved_query in saved_queries)
    return [asset for each in saved_queries for asset in assets_of(each, shared=asked[each.query] > 1)]


def assets_of(saved_query: SavedQuery, *, shared: bool = False) -> list[dg.AssetsDefinition]:
    """The snapshot of a saved query with its check, and its delivery where it has one.

    `shared`: another saved query asks the same.
    """
    return [
        _snapshot_asset(saved_query, shared=shared),
        *([_delivery_asset(saved_query)] if saved_query.delivery else []),
    ]


def _snapshot_asset(saved_query: SavedQuery, *, shared: bool) -> dg.AssetsDefinition:
    @dg.multi_asset(
        name=f"snapshot_{saved_query.identifier}",
        specs=[
            dg.AssetSpec(
                snapshot_key(saved_query),
                deps=MARTS,
                description=f"**{saved_query.title}**: {saved_query.description or 'a saved query.'}",
                group_name="snapshots",
                kinds={"postgres", "s3"},
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                "report_is_right",
                asset=snapshot_key(saved_query),
                blocking=True,
                description="Balance = Pos + Neg, no quantity below zero, every period there; or else no mail.",
            )
        ],
        partitions_def=partitions_of(saved_query),
        pool="warehouse",
    )
    def make(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster reads it, and knows the bare class only
        began = time.monotonic()
        with _told_in_one_line(), open_archive() as (archive, connection):
            occurrence = delivery_occurrence(
                connection, saved_query.name, _moment(context), _generated_by(context)
            )
            snapshot = snapshot_of(
                connection, archive, saved_query, occurrence, settings().base_currency, shared=shared
            )
            problems = problems_of(snapshot, occurrence.scheduled_at)
            recipients = (
                letter_of(saved_query, snapshot, occurrence).recipients if saved_query.delivery else []
            )
        return dg.MaterializeResult(
            metadata={
                **_metadata(snapshot, [f"{header}: {address}" for address, header in recipients], began),
                "occurrence": dg.MetadataValue.timestamp(occurrence.scheduled_at),
                "table": dg.MetadataValue.md(markdown_table(snapshot.table())),
            },
            check_results=[dg.AssetCheckResult(passed=not problems, metadata={"problems": problems})],
        )

    return make


def _delivery_asset(saved_query: SavedQuery) -> dg.AssetsDefinition:
    @dg.asset(
        key=delivery_key(saved_query),
        deps=[snapshot_key(saved_query)],
        description=f"The mails of **{saved_query.title}**, one a recipient. A backfill sends none unless it has the "
        f"tag `{SEND_TAG}: true`.",
        group_name="deliveries",
        kinds={"email"},
        partitions_def=partitions_of(saved_query),
        pool="mail",
        # A report goes out when it is made, not when all the others of the run are.
        op_tags={"dagster/priority": "1"},
    )
    def send(context: dg.AssetExecutionContext) -> dg.MaterializeResult:  # type: ignore[type-arg] # Dagster reads it, and knows the bare class only
        began = time.monotonic()
        wanted = _generated_by(context) != "backfill" or context.run.tags.get(SEND_TAG) == "true"
        with _told_in_one_line(), open_archive() as (archive, connection):
            occurrence = delivery_occurrence(
                connection, saved_query.name, _moment(context), _generated_by(context)
            )
            try:
                snapshot = archive.open(occurrence.snapshot_id)
            except SnapshotNotFound:
                raise dg.Failure(
                    f"there is no report to mail: materialize {snapshot_key(saved_query).to_user_string()} with it"
                ) from None
            rows = mail_report(connection, archive, saved_query, occurrence, snapshot) if wanted else []
        if not wanted:
            context.log.info("a backfill mails nobody: give it the tag %s: true to have it mailed", SEND_TAG)
        recipients = [
            f"{row.header}: {row.recipient}, {row.state}{'' if row.state == 'sent' else f': {row.reply}'}"
            for row in rows
        ]
        metadata = _metadata(snapshot, recipients, began)
        missing = "; ".join(map(told, unsent(rows)))
        if missing:
            raise dg.Failure(
                f"not sent to all: {missing}; see `dynamics deliveries list --query {saved_query.name}`",
                {**metadata, NOT_FINAL: dg.MetadataValue.bool(True)},
            )
        return dg.MaterializeResult(metadata=metadata)

    return send


@contextmanager
def _told_in_one_line() -> Iterator[None]:
    """Shows a user's error as its one line, which says what to do, in place of a stack of ours."""
    try:
        yield
    except DynamicsError as error:
        raise dg.Failure(str(error), {NOT_FINAL: True} if isinstance(error, Unavailable) else {}) from error


def _moment(context: dg.AssetExecutionContext) -> datetime:
    """The occurrence's instant: the partition's, or when the run was asked for, the same at a retry of its steps."""
    if context.has_partition_key:
        start: datetime = context.partition_time_window.start
        return start.astimezone(UTC)
    root = context.run.root_run_id or context.run.run_id
    record = context.instance.get_run_record_by_id(root)
    return record.create_timestamp.astimezone(UTC) if record else datetime.now(UTC)


def _generated_by(context: dg.AssetExecutionContext) -> str:
    tags = context.run.tags
    if "dagster/backfill" in tags:
        return "backfill"
    return SCHEDULED if {"dagster/schedule_name", "dagster/sensor_name"} & tags.keys() else "Dagster"


def _metadata(snapshot: Snapshot, recipients: Iterable[str], began: float) -> dict[str, dg.MetadataValue]:
    """What each materialization tells: the link, the files, who gets it, and how long it took."""
    manifest = snapshot.manifest
    files = [
        f"[{file.filename}]({manifest.link}&format={fmt}), {file.size:,} bytes"
        for fmt, file in manifest.files.items()
        if fmt in FORMATS
    ]
    return {
        "link": dg.MetadataValue.url(manifest.link),
        "files": dg.MetadataValue.md(_list(files)),
        "recipients": dg.MetadataValue.md(_list(recipients)),
        "seconds": dg.MetadataValue.float(round(time.monotonic() - began, 3)),
    }


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items) or "nobody"
