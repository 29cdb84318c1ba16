"""The commands `snapshots`: the archive."""

from dataclasses import asdict
from datetime import datetime

import click

from orchestration.cli.output import print_json, print_record, print_table, show_progress
from orchestration.cli.timestamps import TIMESTAMP


@click.group()
def snapshots() -> None:
    """Show and check the archive of all reports."""


@snapshots.command("list")
@click.option("--query", "saved_query", metavar="NAME", help="Only snapshots of this saved query.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="Number of snapshots.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_snapshots(saved_query: str | None, limit: int, as_json: bool) -> None:
    """List the newest snapshots, newest first."""
    from orchestration.connections import open_archive

    with open_archive() as (archive, _):
        rows = [
            asdict(entry) | {"link": archive.link(entry.snapshot_id)}
            for entry in archive.list(limit, saved_query)
        ]
    if as_json:
        print_json(rows)
        return
    columns = ["snapshot_id", "generated_at", "title", "saved_query", "generated_by", "as_of", "revoked_at"]
    print_table(rows, columns, empty="no reports")


@snapshots.command("show")
@click.argument("snapshot_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Print the whole manifest as JSON.")
def show_snapshot(snapshot_id: str, as_json: bool) -> None:
    """Show one snapshot: parameters, opens, files with hashes."""
    from orchestration.connections import open_archive

    with open_archive() as (archive, _):
        snapshot, entry = archive.open(snapshot_id), archive.entry(snapshot_id)
    manifest = snapshot.manifest
    if as_json:
        click.echo(manifest.model_dump_json(indent=2))
        return
    row = dict(manifest.info) | {"manifest": f"sha256 {snapshot.manifest_sha256}"}
    if entry:
        row |= {name: getattr(entry, name) for name in ("expires_at", "opens", "last_opened_at")}
    row |= {name: f"{file.size:,} bytes, sha256 {file.sha256}" for name, file in manifest.files.items()}
    print_record(row)


@snapshots.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(ids: tuple[str, ...], as_json: bool) -> int:
    """Read these snapshots, or all, and compare their hashes."""
    from orchestration.connections import open_archive

    verdicts = []
    with open_archive() as (archive, _), show_progress("reading") as progress:
        for verdict in archive.verify(ids or None):
            verdicts.append(verdict)
            progress("reading", len(verdicts), len(ids))
    rows = [
        {
            "snapshot_id": verdict.snapshot_id,
            "sound_objects": verdict.sound_objects,
            "verdict": "; ".join(verdict.problems) or "sound",
        }
        for verdict in verdicts
    ]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ["snapshot_id", "sound_objects", "verdict"], empty="no reports")
    return 1 if any(verdict.problems for verdict in verdicts) else 0


@snapshots.command()
def reindex() -> None:
    """Rebuild the index in the database from the bucket alone."""
    from orchestration.connections import open_archive

    with open_archive() as (archive, _), show_progress("reading the bucket"):
        indexed = archive.reindex()
    click.echo(f"snapshots in the index: {indexed}")


@snapshots.command()
@click.argument("snapshot_id", metavar="ID")
def revoke(snapshot_id: str) -> None:
    """Close a link for ever. The stored bytes stay."""
    from orchestration.connections import open_archive

    with open_archive() as (archive, _):
        archive.revoke(snapshot_id)
    click.echo(f"revoked: {snapshot_id}")


@snapshots.command()
@click.argument("snapshot_id", metavar="ID")
@click.option(
    "--at", required=True, type=TIMESTAMP, metavar="TS", help="From this time on the link is closed."
)
def expire(snapshot_id: str, at: datetime) -> None:
    """Set or change the end of a link. The stored bytes stay."""
    from orchestration.connections import open_archive

    with open_archive() as (archive, _):
        archive.expire(snapshot_id, at)
    click.echo(f"ends at {at.isoformat()}: {snapshot_id}")


COMMANDS = (snapshots,)
