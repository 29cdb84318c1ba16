"""Add schedules, slices by owner, and failures with their failure mails."""

from alembic import op

revision = "0002_reliability"
down_revision = "0001_ledger"

_STATEMENTS = (
    # Occurrences before `since` are finished, or older than the schedule. They never run again. The
    # scheduler has seen all occurrences up to `looked_at`. Later ones that are overdue were missed.
    """
    create table dynamics.schedules (
        saved_query text primary key,
        cron text not null,
        timezone text not null,
        since timestamptz not null,
        looked_at timestamptz not null
    )
    """,
    "alter table dynamics.occurrences add column slice text not null default ''",
    "drop index dynamics.occurrences_once",
    """
    create unique index occurrences_once on dynamics.occurrences (saved_query, scheduled_at, edition, slice)
    where purpose = 'delivery'
    """,
    # The `finished_at` of the failure that `on_failure` was notified of. A mail that is sent again
    # and fails again has another `finished_at`.
    "alter table dynamics.deliveries add column told_of timestamptz",
    "update dynamics.deliveries set told_of = finished_at",
    """
    create index on dynamics.deliveries (finished_at)
    where told_of is distinct from finished_at and (state in ('failed', 'unknown') or recipient = 'nobody')
    """,
    """
    create table dynamics.failures (
        failure text primary key,
        saved_query text,
        scheduled_at timestamptz,
        addresses text[] not null,
        subject text not null,
        body text not null,
        happened_at timestamptz not null default now(),
        told text[] not null default '{}',
        told_at timestamptz
    )
    """,
    "create index on dynamics.failures (saved_query, scheduled_at)",
)


def upgrade() -> None:
    """Create the new tables, columns and indexes."""
    for statement in _STATEMENTS:
        op.execute(statement)
