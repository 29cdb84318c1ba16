"""What the pages need: who may sign in, which links end when, and how often they were opened."""

from alembic import op

revision = "0003_web"
down_revision = "0002_reliability"

_STATEMENTS = (
    # Somebody has a password here, or is the subject of an OpenID provider, which says role and owner at each sign-in.
    # An admin sees to everybody's links and users, and so is bound to no reseller.
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
    # Of the cookie that a browser keeps only the hash is kept here.
    """
    create table dynamics.sessions (
        token_sha256 bytea primary key,
        user_name text not null references dynamics.users on delete cascade,
        expires_at timestamptz not null
    )
    """,
    "create index on dynamics.sessions (expires_at)",
    "create index on dynamics.sessions (user_name)",
    # The resellers whose clients a report is limited to, by id; null: it is not limited, or made before this was kept.
    "alter table dynamics.snapshots add column owner_ids text[]",
    "alter table dynamics.snapshots add column expires_at timestamptz",
    "alter table dynamics.snapshots add column opens bigint not null default 0",
    "alter table dynamics.snapshots add column last_opened_at timestamptz",
    # The archive is searched by words of what a report is called.
    """
    create function dynamics.words_of(title text, saved_query text) returns tsvector
    language sql immutable parallel safe
    return to_tsvector('simple', regexp_replace(title || ' ' || coalesce(saved_query, ''), '[[:punct:]]+', ' ', 'g'))
    """,
    "create index on dynamics.snapshots using gin (dynamics.words_of(title, saved_query))",
    "create index on dynamics.snapshots (saved_query, generated_at)",
    "create index on dynamics.snapshots (owner_ids, generated_at)",
    # A report that somebody asked for in the form. `job` comes of the form's token and all that it asks, so that the
    # same form sent twice, to whichever server, is one job; its snapshot's id is reserved before the work begins.
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
    """Creates what is new; what is there stays."""
    for statement in _STATEMENTS:
        op.execute(statement)
