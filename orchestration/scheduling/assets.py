"""Saved queries as Dagster assets: the snapshot of a report, the check of it, and the delivery."""

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
from orchestration.deliveries.catching_up import SCHEDULED
from orchestration.deliveries.dispatch import mail_report, told, unsent
from orchestration.deliveries.occurrences import Occurrence, delivery_occurrence
from orchestration.deliveries.post import letter_of
from orchestration.deliveries.reports import problems_of, snapshot_of
from orchestration.errors import DynamicsError, Unavailable
from orchestration.rendering import FORMATS, markdown_table
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.dagster_marts import REPORT_STORE
from orchestration.scheduling.partitions import partitions_of
from orchestration.settings import settings

SEND_TAG = "dynamics/send"
"""A backfill sends mails only when it has this tag with the value `true`."""

CHECK = "report_is_right"

NOT_FINAL = "not_final"
"""Metadata of a failed step that the scheduler runs again."""
REPORT_KEPT = "report_kept"
"""Metadata of a step that failed after its report was made and kept."""

Results = Iterator[dg.MaterializeResult | dg.AssetCheckResult]  # type: ignore[type-arg] # Dagster reads the bare class


def snapshot_key(saved_query: SavedQuery) -> dg.AssetKey:
    """Return `snapshots/NAME`."""
    return dg.AssetKey(["snapshots", saved_query.identifier])


def delivery_key(saved_query: SavedQuery) -> dg.AssetKey:
    """Return `deliveries/NAME`."""
    return dg.AssetKey(["deliveries", saved_query.identifier])


def step_name(saved_query: SavedQuery) -> str:
    """Return the name of the step that makes and mails the report of a saved query."""
    return f"report_{saved_query.identifier}"


def all_assets(saved_queries: Sequence[SavedQuery]) -> list[dg.AssetsDefinition]:
    """Return the assets of all saved queries. A run computes a report that several of them share once."""
    asked = Counter(saved_query.query for saved_query in saved_queries)
    return [assets_of(each, shared=asked[each.query] > 1) for each in saved_queries]


def assets_of(saved_query: SavedQuery, *, shared: bool = False) -> dg.AssetsDefinition:
    """Return the snapshot of a saved query with its check, and its delivery if it has one.

    One step makes all of them, because a step of Dagster costs about as much as a report. A user can still
    select the snapshot or the delivery alone. `shared` says that another saved query asks the same.
    """
    snapshot, delivery = snapshot_key(saved_query), delivery_key(saved_query)

    @dg.multi_asset(
        name=step_name(saved_query),
        specs=_specs(saved_query),
        check_specs=[
            dg.AssetCheckSpec(
                CHECK,
                asset=snapshot,
                blocking=True,
                description="Balance = Pos + Neg, no negative quantity, no missing period. "
                "A report that fails this check is not mailed.",
            )
        ],
        partitions_def=partitions_of(saved_query),
        pool="warehouse",
        can_subset=True,
    )
    def make_and_mail(context: dg.AssetExecutionContext) -> Results:
        began = time.monotonic()
        reached: dict[str, bool] = {}
        with _one_line_failures(reached), open_archive() as (archive, connection):
            occurrence = delivery_occurrence(
                connection, saved_query.name, _moment(context), _generated_by(context)
            )
            if snapshot in context.selected_asset_keys:
                report = snapshot_of(
                    connection, archive, saved_query, occurrence, settings().base_currency, shared=shared
                )
                metadata = _snapshot_metadata(saved_query, occurrence, report, began)
                connection.commit()  # No transaction is open while Dagster records the result.
                yield dg.MaterializeResult(asset_key=snapshot, metadata=metadata)
            else:
                report = _kept_report(archive, occurrence, snapshot)
            reached[REPORT_KEPT] = True
            if context.selected_asset_check_keys:
                problems = problems_of(report, occurrence.scheduled_at)
                yield dg.AssetCheckResult(
                    asset_key=snapshot,
                    check_name=CHECK,
                    passed=not problems,
                    metadata={"problems": problems},
                )
                if problems:
                    return  # Dagster fails the step, because the check is blocking.
            if delivery in context.selected_asset_keys:
                metadata = _deliver(context, connection, archive, saved_query, occurrence, report)
                yield dg.MaterializeResult(asset_key=delivery, metadata=metadata)

    return make_and_mail


def _specs(saved_query: SavedQuery) -> list[dg.AssetSpec]:
    snapshot = dg.AssetSpec(
        snapshot_key(saved_query),
        deps=[REPORT_STORE],
        description=f"**{saved_query.title}**: {saved_query.description or 'a saved query.'}",
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


def _kept_report(archive: Archive, occurrence: Occurrence, snapshot: dg.AssetKey) -> Snapshot:
    """Return the report of an earlier run. Raises dg.Failure when no run has made it."""
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
    """Mail the report, unless this is a silent backfill, and return the metadata of the delivery.

    Raises dg.Failure with that metadata if a recipient has no mail, and what `mail_report` raises.
    """
    began = time.monotonic()
    rows = []
    if _generated_by(context) == "backfill" and context.run.tags.get(SEND_TAG) != "true":
        context.log.info("a backfill sends no mails: to send them, add the tag %s: true", SEND_TAG)
    else:
        rows = mail_report(connection, archive, saved_query, occurrence, report)
    recipients = [
        f"{row.header}: {row.recipient}, {row.state}{'' if row.state == 'sent' else f': {row.reply}'}"
        for row in rows
    ]
    metadata = _metadata(report, recipients, began)
    missing = "; ".join(map(told, unsent(rows)))
    if missing:
        raise dg.Failure(
            f"not sent to all: {missing}; see `dynamics deliveries list --query {saved_query.name}`",
            {**metadata, NOT_FINAL: dg.MetadataValue.bool(True), REPORT_KEPT: dg.MetadataValue.bool(True)},
        )
    return metadata


@contextmanager
def _one_line_failures(reached: Mapping[str, bool]) -> Iterator[None]:
    """Turn a DynamicsError into a dg.Failure with one line and no stack trace.

    `reached` is what the step has done so far. It becomes metadata of the failure.
    """
    try:
        yield
    except DynamicsError as error:
        not_final = {NOT_FINAL: True} if isinstance(error, Unavailable) else {}
        raise dg.Failure(str(error), {**reached, **not_final}) from error


def _moment(context: dg.AssetExecutionContext) -> datetime:
    """Return the instant of the occurrence: the partition, or the time of the run request.

    A retry of a run has the instant of the first run.
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
    return SCHEDULED if {"dagster/schedule_name", "dagster/sensor_name"} & tags.keys() else "Dagster"


def _snapshot_metadata(
    saved_query: SavedQuery, occurrence: Occurrence, snapshot: Snapshot, began: float
) -> dict[str, dg.MetadataValue]:
    recipients = letter_of(saved_query, snapshot, occurrence).recipients if saved_query.delivery else []
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
        "files": dg.MetadataValue.md(_list(files)),
        "recipients": dg.MetadataValue.md(_list(recipients)),
        "seconds": dg.MetadataValue.float(round(time.monotonic() - began, 3)),
    }


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items) or "nobody"
