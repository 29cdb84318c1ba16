"""Record the changes of `billing`, so that a build rebuilds only what changed."""

from alembic import op

revision = "0004_touched"
down_revision = "0003_web"

_STATEMENTS = (
    # One row per statement and changed client. `since` is the earliest instant that changed, before
    # or after the change; null means the whole history. `client_id` is null for a change that
    # belongs to no client. `everything` is true when the change cannot be described. `changed_by`
    # is the transaction.
    """
    create table dynamics.touched (
        changed_by xid8 not null default pg_current_xact_id(),
        client_id text,
        since timestamptz,
        everything boolean not null default false
    )
    """,
    "create index on dynamics.touched (changed_by)",
    """
    create function dynamics.touch_transactions() returns trigger language plpgsql as $$
    begin
        if tg_op = 'INSERT' then
            insert into dynamics.touched (client_id, since)
            select client_id, min(occurred_at) from new_rows group by client_id;
        elsif tg_op = 'UPDATE' then
            insert into dynamics.touched (client_id, since)
            select client_id, min(occurred_at)
            from (select client_id, occurred_at from old_rows union all select client_id, occurred_at from new_rows) as rows
            group by client_id;
        else
            insert into dynamics.touched (client_id, since)
            select client_id, min(occurred_at) from old_rows group by client_id;
        end if;
        return null;
    end $$
    """,
    # The events of a client carry its type and currency, and its creation is an event. Other
    # changes of the row change no event.
    """
    create function dynamics.touch_clients() returns trigger language plpgsql as $$
    begin
        if tg_op = 'INSERT' then
            insert into dynamics.touched (client_id) select client_id from new_rows;
        elsif tg_op = 'UPDATE' then
            insert into dynamics.touched (client_id, since)
            select
                client_id,
                case when count(distinct (client_type, currency, created_at)) = 1 and count(*) = 2 then timestamptz 'infinity' end
            from (
                select client_id, client_type, currency, created_at from old_rows
                union all
                select client_id, client_type, currency, created_at from new_rows
            ) as rows
            group by client_id;
        else
            insert into dynamics.touched (client_id) select client_id from old_rows;
        end if;
        return null;
    end $$
    """,
    """
    create function dynamics.touch_client_tags() returns trigger language plpgsql as $$
    begin
        if tg_op <> 'INSERT' then
            insert into dynamics.touched (client_id, since) select distinct client_id, timestamptz 'infinity' from old_rows;
        end if;
        if tg_op <> 'DELETE' then
            insert into dynamics.touched (client_id, since) select distinct client_id, timestamptz 'infinity' from new_rows;
        end if;
        return null;
    end $$
    """,
    # Packages and rates belong to no client. Each build copies all of them.
    """
    create function dynamics.touch_others() returns trigger language plpgsql as $$
    begin
        if tg_op = 'DELETE' then
            insert into dynamics.touched (client_id) select null from old_rows limit 1;
        else
            insert into dynamics.touched (client_id) select null from new_rows limit 1;
        end if;
        return null;
    end $$
    """,
    """
    create function dynamics.touch_everything() returns trigger language plpgsql as $$
    begin
        insert into dynamics.touched (everything) values (true);
        return null;
    end $$
    """,
    """
    create function dynamics.billing_is_watched() returns boolean language sql stable as $$
        select count(*) = 20 from pg_trigger
        where tgname like 'touched_by_%' and tgenabled <> 'D' and tgrelid in (
            select oid from pg_class where relnamespace = to_regnamespace('billing')
        )
    $$
    """,
    # Triggers record every change of `billing` from now on. Earlier changes are unknown, so the
    # next build is full.
    """
    create procedure dynamics.watch_billing() language plpgsql as $$
    declare
        watched text;
        toucher text;
        change text;
    begin
        foreach watched in array array['transactions', 'clients', 'client_tags', 'packages', 'exchange_rates'] loop
            toucher := case when watched in ('packages', 'exchange_rates') then 'others' else watched end;
            foreach change in array array['insert', 'update', 'delete'] loop
                execute format(
                    'create or replace trigger touched_by_%1$s after %1$s on billing.%2$I referencing %3$s'
                    ' for each statement execute function dynamics.touch_%4$s()',
                    change,
                    watched,
                    concat_ws(
                        ' ',
                        case when change <> 'insert' then 'old table as old_rows' end,
                        case when change <> 'delete' then 'new table as new_rows' end
                    ),
                    toucher
                );
            end loop;
            execute format(
                'create or replace trigger touched_by_truncate after truncate on billing.%I'
                ' for each statement execute function dynamics.touch_everything()',
                watched
            );
        end loop;
        insert into dynamics.touched (everything) values (true);
    end $$
    """,
    # A build contains the changes of all transactions before `touched_before`. `models` is a hash
    # of the dbt project. A build with other models must be full.
    "alter table dynamics.builds add column touched_before xid8",
    "alter table dynamics.builds add column models text",
)


def upgrade() -> None:
    """Create the table, its triggers, and the columns."""
    for statement in _STATEMENTS:
        op.execute(statement)
