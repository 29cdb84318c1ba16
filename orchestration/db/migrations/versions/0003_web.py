"""Add users, sessions, the expiry and use of links, and jobs of the query form."""

from alembic import op

revision = "0003_web"
down_revision = "0002_reliability"

_STATEMENTS = (
    # A user has either a password or the subject of an OpenID provider, which sets role and owner
    # at each sign-in. An admin manages all links and users, so an admin has no owner.
    """
    create table dynamics.users (
        name text primary key,
        password_hash text,
        subject text unique,
        role text not null check (role in ('viewer', 'analyst', 'admin')),
        owner_id text,
        added_at timestamptz not null default now(),
        check ((password_hash is null) = (subject is not null)),
        check (role <> 'admin' or owner_id is null)
    )
    """,
    "create unique index on dynamics.users (lower(name))",
    # Only the hash of the session cookie is stored.
    """
    create table dynamics.sessions (
        token_sha256 bytea primary key,
        user_name text not null references dynamics.users on delete cascade,
        expires_at timestamptz not null
    )
    """,
    "create index on dynamics.sessions (expires_at)",
    "create index on dynamics.sessions (user_name)",
    # Ids of the owners that the report is limited to. Null means no limit, or an older snapshot.
    "alter table dynamics.snapshots add column owner_ids text[]",
    "alter table dynamics.snapshots add column expires_at timestamptz",
    "alter table dynamics.snapshots add column opens bigint not null default 0",
    "alter table dynamics.snapshots add column last_opened_at timestamptz",
    # The archive search looks for words of the title and the saved query.
    """
    create function dynamics.words_of(title text, saved_query text) returns tsvector
    language sql immutable parallel safe
    return to_tsvector('simple', regexp_replace(title || ' ' || coalesce(saved_query, ''), '[[:punct:]]+', ' ', 'g'))
    """,
    "create index on dynamics.snapshots using gin (dynamics.words_of(title, saved_query))",
    "create index on dynamics.snapshots (saved_query, generated_at)",
    "create index on dynamics.snapshots (owner_ids, generated_at)",
    # A report that a visitor requests in the query form. `job` is a hash of the form's token and
    # content, so sending the same form twice gives one job, on any server. The id of the snapshot
    # is reserved before the work begins.
    """
    create table dynamics.query_jobs (
        job text primary key,
        visitor text not null,
        snapshot_id text not null unique,
        asked text not null,
        state text not null default 'computing'
            check (state in ('computing', 'keeping', 'mailing', 'done', 'failed', 'cancelled')),
        problem text,
        began_at timestamptz not null default now(),
        finished_at timestamptz
    )
    """,
    "create index on dynamics.query_jobs (visitor) where finished_at is null",
)


def upgrade() -> None:
    """Create the new tables, columns, functions and indexes."""
    for statement in _STATEMENTS:
        op.execute(statement)
