"""Saved queries as Dagster assets: the snapshot of a report, its check and its mails."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg
from psycopg import Connection
from psycopg.rows import TupleRow

from orchestration.archive import Archive, Snapshot, SnapshotNotFound
from orchestration.connections import open_archive
from orchestration.deliveries.catch_up import GENERATED_BY_SCHEDULE
from orchestration.deliveries.mail_queue import build_mail_content
from orchestration.deliveries.occurrences import Occurrence, reserve_occurrence
from orchestration.deliveries.report_delivery import describe_mail, find_unsent, mail_report
from orchestration.deliveries.report_generation import find_problems, load_or_create_snapshot
from orchestration.errors import DynamicsError, Unavailable
from orchestration.rendering import FORMATS, markdown_table
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.marts_assets import REPORT_STORE
from orchestration.scheduling.partitions import FIRST_PARTITION, define_query_partitions
from orchestration.settings import settings

SEND_TAG = "dynamics/send"
"""A backfill sends mails only when it has this tag with the value `true`."""

CONSISTENCY_CHECK = "report_is_right"

NOT_FINAL = "not_final"
"""Metadata of a failed step that the scheduler runs again."""
REPORT_KEPT = "report_kept"
"""Metadata of a step that failed after its report was archived."""

Results = Iterator[dg.MaterializeResult | dg.AssetCheckResult]  # type: ignore[type-arg] # Dagster reads the bare class


def build_snapshot_key(saved_query: SavedQuery) -> dg.AssetKey:
    """Return `snapshots/NAME`."""
    return dg.AssetKey(["snapshots", saved_query.identifier])


def delivery_key(saved_query: SavedQuery) -> dg.AssetKey:
    """Return `deliveries/NAME`."""
    return dg.AssetKey(["deliveries", saved_query.identifier])


def step_name(saved_query: SavedQuery) -> str:
    """Return the name of the step that computes and mails the report of a saved query."""
    return f"report_{saved_query.identifier}"


def build_all_assets(saved_queries: Sequence[SavedQuery]) -> list[dg.AssetsDefinition]:
    """Return the assets of all saved queries. A run computes a shared report only once."""
    uses = Counter(saved_query.query for saved_query in saved_queries)
    return [build_assets(saved_query, shared=uses[saved_query.query] > 1) for saved_query in saved_queries]


def build_assets(saved_query: SavedQuery, *, shared: bool = False) -> dg.AssetsDefinition:
    """Return the snapshot of a saved query with its check, and its delivery if it has one.

    One step does all of it, because a step of Dagster takes about as long as a report. A user can
    still select the snapshot or the delivery alone. `shared` is True if another saved query has the
    same report query.
    """
    snapshot, delivery = build_snapshot_key(saved_query), delivery_key(saved_query)

    @dg.multi_asset(
        name=step_name(saved_query),
        specs=_build_specs(saved_query),
        check_specs=[
            dg.AssetCheckSpec(
                CONSISTENCY_CHECK,
                asset=snapshot,
                blocking=True,
                description="Balance = Pos + Neg, no negative quantity, no missing period. "
                "A report that fails this check is not mailed.",
            )
        ],
        partitions_def=define_query_partitions(saved_query),
        pool="warehouse",
        can_subset=True,
    )
    def compute_and_mail(context: dg.AssetExecutionContext) -> Results:
        began = time.monotonic()
        reached: dict[str, bool] = {}
        with _raise_one_line_failures(reached), open_archive() as (archive, connection):
            occurrence = reserve_occurrence(
                connection, saved_query.name, _occurrence_moment(context), _generated_by(context)
            )
            if snapshot in context.selected_asset_keys:
                report = load_or_create_snapshot(
                    connection, archive, saved_query, occurrence, settings().base_currency, shared=shared
                )
                metadata = _snapshot_metadata(saved_query, occurrence, report, began)
                connection.commit()  # No transaction is open while Dagster records the result.
                yield dg.MaterializeResult(asset_key=snapshot, metadata=metadata)
            else:
                report = _open_report(archive, occurrence, snapshot)
            reached[REPORT_KEPT] = True
            if context.selected_asset_check_keys:
                problems = find_problems(report, occurrence.scheduled_at)
                yield dg.AssetCheckResult(
                    asset_key=snapshot,
                    check_name=CONSISTENCY_CHECK,
                    passed=not problems,
                    metadata={"problems": problems},
                )
                if problems:
                    return  # Dagster fails the step, because the check is blocking.
            if delivery in context.selected_asset_keys:
                metadata = _deliver(context, connection, archive, saved_query, occurrence, report)
                yield dg.MaterializeResult(asset_key=delivery, metadata=metadata)

    return compute_and_mail


def _build_specs(saved_query: SavedQuery) -> list[dg.AssetSpec]:
    snapshot = dg.AssetSpec(
        build_snapshot_key(saved_query),
        deps=[REPORT_STORE],
        description=f"**{saved_query.title}**: {saved_query.description or 'a saved query.'}\n\n"
        f"The partitions of a scheduled report begin on {FIRST_PARTITION:%Y-%m-%d}. "
        f"For earlier moments run `dynamics backfill {saved_query.name}`.",
        group_name="snapshots",
        kinds={"postgres", "s3"},
    )
    delivery = dg.AssetSpec(
        delivery_key(saved_query),
        deps=[snapshot.key],
        description=f"The mails of **{saved_query.title}**, one for each recipient. A backfill sends mails "
        f"only with the tag `{SEND_TAG}: true`.",
        group_name="deliveries",
        kinds={"email"},
    )
    return [snapshot, delivery] if saved_query.delivery else [snapshot]


def _open_report(archive: Archive, occurrence: Occurrence, snapshot: dg.AssetKey) -> Snapshot:
    """Return the report of an earlier run. Raise dg.Failure if it does not exist."""
    try:
        return archive.open(occurrence.snapshot_id)
    except SnapshotNotFound:
        raise dg.Failure(
            f"there is no report to mail: materialize {snapshot.to_user_string()} with it"
        ) from None


def _deliver(
    context: dg.AssetExecutionContext,
    connection: Connection[TupleRow],
    archive: Archive,
    saved_query: SavedQuery,
    occurrence: Occurrence,
    report: Snapshot,
) -> dict[str, dg.MetadataValue]:
    """Mail the report, except in a backfill without SEND_TAG, and return the delivery's metadata.

    Raise dg.Failure with the metadata if a mail was not sent. Raise the errors of `mail_report`.
    """
    began = time.monotonic()
    records = []
    if _generated_by(context) == "backfill" and context.run.tags.get(SEND_TAG) != "true":
        context.log.info("a backfill sends no mails: to send them, add the tag %s: true", SEND_TAG)
    else:
        records = mail_report(connection, archive, saved_query, occurrence, report)
    recipients = [
        f"{record.header}: {record.recipient}, {record.state}{'' if record.state == 'sent' else f': {record.reply}'}"
        for record in records
    ]
    metadata = _metadata(report, recipients, began)
    missing = "; ".join(map(describe_mail, find_unsent(records)))
    if missing:
        raise dg.Failure(
            f"not sent to all: {missing}; see `dynamics deliveries list --query {saved_query.name}`",
            {**metadata, NOT_FINAL: dg.MetadataValue.bool(True), REPORT_KEPT: dg.MetadataValue.bool(True)},
        )
    return metadata


@contextmanager
def _raise_one_line_failures(reached: Mapping[str, bool]) -> Iterator[None]:
    """Turn a DynamicsError into a dg.Failure with one line and no stack trace.

    `reached` holds what the step has done so far. It becomes metadata of the failure.
    """
    try:
        yield
    except DynamicsError as error:
        not_final = {NOT_FINAL: True} if isinstance(error, Unavailable) else {}
        raise dg.Failure(str(error), {**reached, **not_final}) from error


def _occurrence_moment(context: dg.AssetExecutionContext) -> datetime:
    """Return the moment of the occurrence: its partition, or the creation time of the run.

    A retry has the moment of the first run.
    """
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
    return (
        GENERATED_BY_SCHEDULE if {"dagster/schedule_name", "dagster/sensor_name"} & tags.keys() else "Dagster"
    )


def _snapshot_metadata(
    saved_query: SavedQuery, occurrence: Occurrence, snapshot: Snapshot, began: float
) -> dict[str, dg.MetadataValue]:
    recipients = (
        build_mail_content(saved_query, snapshot, occurrence).recipients if saved_query.delivery else []
    )
    return {
        **_metadata(snapshot, [f"{header}: {address}" for address, header in recipients], began),
        "occurrence": dg.MetadataValue.timestamp(occurrence.scheduled_at),
        "table": dg.MetadataValue.md(markdown_table(snapshot.table())),
    }


def _metadata(snapshot: Snapshot, recipients: Iterable[str], began: float) -> dict[str, dg.MetadataValue]:
    """Return the link, the files, the recipients and the seconds since `began`."""
    manifest = snapshot.manifest
    files = [
        f"[{file.filename}]({manifest.link}&format={fmt}), {file.size:,} bytes"
        for fmt, file in manifest.files.items()
        if fmt in FORMATS
    ]
    return {
        "link": dg.MetadataValue.url(manifest.link),
        "files": dg.MetadataValue.md(_format_list(files)),
        "recipients": dg.MetadataValue.md(_format_list(recipients)),
        "seconds": dg.MetadataValue.float(round(time.monotonic() - began, 3)),
    }


def _format_list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items) or "nobody"
