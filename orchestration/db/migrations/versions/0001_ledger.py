"""Create the tables of loads, builds, snapshots, occurrences and deliveries."""

from alembic import op

revision = "0001_ledger"
down_revision = None

_STATEMENTS = (
    """
    create table dynamics.loads (
        load_id bigint generated always as identity primary key,
        as_of timestamptz not null,
        loaded_at timestamptz not null default now(),
        source text not null,
        row_counts jsonb not null default '{}'
    )
    """,
    """
    create table dynamics.builds (
        build_id bigint generated always as identity primary key,
        marts_schema text not null,
        as_of timestamptz not null,
        started_at timestamptz not null default now(),
        finished_at timestamptz
    )
    """,
    """
    create table dynamics.snapshots (
        snapshot_id text primary key,
        manifest_sha256 text not null,
        manifest_version text,
        title text not null,
        saved_query text,
        generated_by text not null,
        generated_at timestamptz not null,
        as_of timestamptz not null,
        parameters jsonb not null,
        revoked_at timestamptz
    )
    """,
    "create index on dynamics.snapshots (generated_at)",
    """
    create table dynamics.occurrences (
        occurrence_id bigint generated always as identity primary key,
        purpose text not null default 'delivery' check (purpose in ('delivery', 'test', 'query')),
        saved_query text check (saved_query is not null or purpose = 'query'),
        scheduled_at timestamptz not null,
        edition integer not null default 1,
        snapshot_id text not null unique,
        generated_by text not null,
        letter jsonb,
        created_at timestamptz not null default now()
    )
    """,
    # Test mails and mails of single queries can repeat. An occurrence is delivered once per
    # edition.
    """
    create unique index occurrences_once on dynamics.occurrences (saved_query, scheduled_at, edition)
    where purpose = 'delivery'
    """,
    """
    create table dynamics.deliveries (
        delivery_id bigint generated always as identity primary key,
        occurrence_id bigint not null references dynamics.occurrences,
        recipient text not null,
        header text not null check (header in ('to', 'cc', 'bcc')),
        state text not null check (state in ('queued', 'sending', 'sent', 'failed', 'unknown', 'skipped')),
        attempts integer not null default 0,
        message_id text,
        reply text,
        not_before timestamptz not null default now(),
        lease text,
        leased_until timestamptz,
        queued_at timestamptz not null default now(),
        sending_at timestamptz,
        finished_at timestamptz
    )
    """,
    "create unique index on dynamics.deliveries (occurrence_id, lower(recipient))",
    "create index on dynamics.deliveries (not_before) where state in ('queued', 'sending')",
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
