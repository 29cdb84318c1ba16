"""Record the steps of builds, which change one schema in place. Add views of the change log."""

from alembic import op

revision = "0007_builds"
down_revision = "0006_transactions_by_client"

_STATEMENTS = (
    "alter table dynamics.builds add column is_full boolean not null default true",
    """
    create table dynamics.build_steps (
        build_id bigint not null references dynamics.builds,
        step text not null,
        finished_at timestamptz not null default clock_timestamp(),
        primary key (build_id, step)
    )
    """,
    # dbt calls this function in the transaction that changes the rows of a model. The primary key
    # rejects a step that was applied already. The check rejects a dbt process that outlived its
    # build. A new build takes the lock in exclusive mode, so no old process can commit after the
    # check.
    """
    create function dynamics.record_build_step(build bigint, finished_step text) returns void
    language plpgsql as $$
    begin
        perform pg_advisory_xact_lock_shared(hashtext('dynamics.build_steps'));
        if build is distinct from (select max(build_id) from dynamics.builds) then
            raise exception 'build % is over: a later build has begun', build;
        end if;
        insert into dynamics.build_steps (build_id, step) values (build, finished_step);
    end $$
    """,
    """
    create view dynamics.changes as
    select * from dynamics.touched
    where changed_by >= coalesce(
        (
            select touched_before from dynamics.builds
            where finished_at is not null
            order by build_id desc
            limit 1
        ),
        xid8 '0'
    )
    """,
    "comment on view dynamics.changes is 'The rows of touched that no finished build contains.'",
    """
    create view dynamics.changed_clients as
    select
        client_id,
        case when bool_and(since is not null) then min(since) end as since,
        bool_or(since is null or since = 'infinity') as client_changed
    from dynamics.changes
    where client_id is not null
    group by client_id
    """,
)


def upgrade() -> None:
    """Create the table, the function and the view."""
    for statement in _STATEMENTS:
        op.execute(statement)
