"""Add the files of report stores, and an id of this database that names their folder."""

from alembic import op

revision = "0008_report_store"
down_revision = "0007_builds"

_STATEMENTS = (
    # One row. Two databases that use the same home have different folders of store files.
    "create table dynamics.installation (installation_id uuid not null)",
    "create unique index on dynamics.installation ((true))",
    "insert into dynamics.installation values (gen_random_uuid())",
    # A build without a row uses the store of the previous build: only `as_of` changed.
    """
    create table dynamics.report_stores (
        build_id bigint primary key references dynamics.builds on delete cascade,
        next_client integer not null,
        events bigint not null,
        appended bigint not null
    )
    """,
    """
    create table dynamics.report_store_files (
        build_id bigint not null references dynamics.report_stores on delete cascade,
        part integer not null,
        name text not null,
        bytes bigint not null,
        sha256 text,
        primary key (build_id, part)
    )
    """,
)


def upgrade() -> None:
    """Create the tables."""
    for statement in _STATEMENTS:
        op.execute(statement)
