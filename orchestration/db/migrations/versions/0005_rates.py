"""Record changes of exchange rates by currency, and the base currency of a build."""

from alembic import op

revision = "0005_rates"
down_revision = "0004_touched"

_STATEMENTS = (
    # In a row with a currency, `since` is the first instant with another rate.
    "alter table dynamics.touched add column currency text",
    """
    create function dynamics.touch_exchange_rates() returns trigger language plpgsql as $$
    begin
        if tg_op <> 'INSERT' then
            insert into dynamics.touched (currency, since)
            select currency, min(valid_from)::timestamp at time zone 'UTC' from old_rows group by currency;
        end if;
        if tg_op <> 'DELETE' then
            insert into dynamics.touched (currency, since)
            select currency, min(valid_from)::timestamp at time zone 'UTC' from new_rows group by currency;
        end if;
        return null;
    end $$
    """,
    """
    create function dynamics.touch_packages() returns trigger language plpgsql as $$
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
    create or replace procedure dynamics.watch_billing() language plpgsql as $$
    declare
        watched text;
        change text;
    begin
        foreach watched in array array['transactions', 'clients', 'client_tags', 'packages', 'exchange_rates'] loop
            foreach change in array array['insert', 'update', 'delete'] loop
                execute format(
                    'create or replace trigger touched_by_%1$s after %1$s on billing.%2$I referencing %3$s'
                    ' for each statement execute function dynamics.touch_%2$s()',
                    change,
                    watched,
                    concat_ws(
                        ' ',
                        case when change <> 'insert' then 'old table as old_rows' end,
                        case when change <> 'delete' then 'new table as new_rows' end
                    )
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
    # Replace existing triggers by the new ones.
    "do $$ begin if dynamics.billing_is_watched() then call dynamics.watch_billing(); end if; end $$",
    "drop function if exists dynamics.touch_others() cascade",
    "alter table dynamics.builds add column base_currency text",
)


def upgrade() -> None:
    """Create the columns and functions, and replace the triggers."""
    for statement in _STATEMENTS:
        op.execute(statement)
