"""`snapshots`: the archive."""

from dataclasses import asdict
from datetime import datetime

import click

from orchestration.cli.moments import MOMENT
from orchestration.cli.output import as_json as print_json
from orchestration.cli.output import details, listing, progress


@click.group()
def snapshots() -> None:
    """The archive: every report that was made, as it was."""


@snapshots.command("list")
@click.option("--query", "saved_query", metavar="NAME", help="Of this saved query.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1), help="The newest so many.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def list_snapshots(saved_query: str | None, limit: int, as_json: bool) -> None:
    """The newest snapshots, newest first."""
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
    listing(rows, columns, empty="no reports")


@snapshots.command("show")
@click.argument("snapshot_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="As JSON: the whole manifest.")
def show_snapshot(snapshot_id: str, as_json: bool) -> None:
    """One snapshot: parameters, opens, and files with hashes."""
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
    row |= {fmt: f"{file.size:,} bytes, sha256 {file.sha256}" for fmt, file in manifest.files.items()}
    details(row)


@snapshots.command()
@click.argument("ids", metavar="[ID]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def verify(ids: tuple[str, ...], as_json: bool) -> int:
    """Re-reads these snapshots, or all, and compares hashes."""
    from orchestration.connections import open_archive

    verdicts = []
    with open_archive() as (archive, _), progress("reading") as tell:
        for verdict in archive.verify(ids or None):
            verdicts.append(verdict)
            tell("reading", len(verdicts), len(ids))
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
        listing(rows, ["snapshot_id", "sound_objects", "verdict"], empty="no reports")
    return 1 if any(verdict.problems for verdict in verdicts) else 0


@snapshots.command()
def reindex() -> None:
    """Rebuilds the index in the database from the bucket alone."""
    from orchestration.connections import open_archive

    with open_archive() as (archive, _), progress("reading the bucket"):
        indexed = archive.reindex()
    click.echo(f"snapshots in the index: {indexed}")


@snapshots.command()
@click.argument("snapshot_id", metavar="ID")
def revoke(snapshot_id: str) -> None:
    """Takes a link away for ever; the stored bytes stay."""
    from orchestration.connections import open_archive

    with open_archive() as (archive, _):
        archive.revoke(snapshot_id)
    click.echo(f"revoked: {snapshot_id}")


@snapshots.command()
@click.argument("snapshot_id", metavar="ID")
@click.option(
    "--at", required=True, type=MOMENT, metavar="TS", help="From this instant on the link opens nothing."
)
def expire(snapshot_id: str, at: datetime) -> None:
    """Gives a link an end, or another one; the stored bytes stay."""
    from orchestration.connections import open_archive

    with open_archive() as (archive, _):
        archive.expire(snapshot_id, at)
    click.echo(f"ends at {at.isoformat()}: {snapshot_id}")


COMMANDS = (snapshots,)
