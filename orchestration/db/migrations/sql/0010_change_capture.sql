-- Change data capture: triggers on the tables of `billing` write `dynamics.change_log`.

-- The end of this script creates the triggers again, if they were complete before.
select set_config('dynamics.capture_was_enabled', dynamics.billing_is_watched()::text, true);

-- `cascade` drops the triggers, also where another role owns the tables.
drop procedure dynamics.watch_billing();
drop function dynamics.billing_is_watched();
drop function dynamics.touch_transactions() cascade;
drop function dynamics.touch_clients() cascade;
drop function dynamics.touch_client_tags() cascade;
drop function dynamics.touch_packages() cascade;
drop function dynamics.touch_exchange_rates() cascade;
drop function dynamics.touch_everything() cascade;

create function dynamics.capture_transactions() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into dynamics.change_log (client_id, changed_from)
        select client_id, min(occurred_at) from new_rows group by client_id;
    elsif tg_op = 'UPDATE' then
        insert into dynamics.change_log (client_id, changed_from)
        select client_id, min(occurred_at)
        from (
            select client_id, occurred_at from old_rows
            union all
            select client_id, occurred_at from new_rows
        ) as old_and_new_rows
        group by client_id;
    else
        insert into dynamics.change_log (client_id, changed_from)
        select client_id, min(occurred_at) from old_rows group by client_id;
    end if;
    return null;
end $$;

-- The events of a client carry its type and currency, and its creation is an event. Another change of
-- the row, for example of the name, changes no event: `changed_from` is infinity then.
create function dynamics.capture_clients() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into dynamics.change_log (client_id) select client_id from new_rows;
    elsif tg_op = 'UPDATE' then
        insert into dynamics.change_log (client_id, changed_from)
        select
            client_id,
            case
                when count(distinct (client_type, currency, created_at)) = 1 and count(*) = 2
                    then timestamptz 'infinity'
            end
        from (
            select client_id, client_type, currency, created_at from old_rows
            union all
            select client_id, client_type, currency, created_at from new_rows
        ) as old_and_new_rows
        group by client_id;
    else
        insert into dynamics.change_log (client_id) select client_id from old_rows;
    end if;
    return null;
end $$;

create function dynamics.capture_client_tags() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into dynamics.change_log (client_id, changed_from)
        select distinct client_id, timestamptz 'infinity' from old_rows;
    end if;
    if tg_op <> 'DELETE' then
        insert into dynamics.change_log (client_id, changed_from)
        select distinct client_id, timestamptz 'infinity' from new_rows;
    end if;
    return null;
end $$;

-- Packages belong to no client. One row says that the table changed, and a build copies all of it.
create function dynamics.capture_packages() returns trigger language plpgsql as $$
begin
    if tg_op = 'DELETE' then
        insert into dynamics.change_log (client_id) select null from old_rows limit 1;
    else
        insert into dynamics.change_log (client_id) select null from new_rows limit 1;
    end if;
    return null;
end $$;

create function dynamics.capture_exchange_rates() returns trigger language plpgsql as $$
begin
    if tg_op <> 'INSERT' then
        insert into dynamics.change_log (currency, changed_from)
        select currency, min(valid_from)::timestamp at time zone 'UTC' from old_rows group by currency;
    end if;
    if tg_op <> 'DELETE' then
        insert into dynamics.change_log (currency, changed_from)
        select currency, min(valid_from)::timestamp at time zone 'UTC' from new_rows group by currency;
    end if;
    return null;
end $$;

-- A truncated table does not say which rows it had.
create function dynamics.capture_truncate() returns trigger language plpgsql as $$
begin
    insert into dynamics.change_log (needs_full_build) values (true);
    return null;
end $$;

create function dynamics.is_change_capture_enabled() returns boolean language sql stable as $$
    select count(*) = 20
    from pg_trigger
    where
        tgname in ('capture_insert', 'capture_update', 'capture_delete', 'capture_truncate')
        and tgenabled <> 'D'
        and tgrelid in (select oid from pg_class where relnamespace = to_regnamespace('billing'))
$$;
comment on function dynamics.is_change_capture_enabled is
    'True when the five tables of billing have all four triggers, and none of them is disabled.';

-- The log does not know earlier changes, so the first build after this is a full one.
create procedure dynamics.enable_change_capture() language plpgsql as $$
declare
    source_table text;
    operation text;
begin
    foreach source_table in array array['transactions', 'clients', 'client_tags', 'packages', 'exchange_rates'] loop
        foreach operation in array array['insert', 'update', 'delete'] loop
            execute format(
                'create or replace trigger capture_%1$s after %1$s on billing.%2$I referencing %3$s'
                ' for each statement execute function dynamics.capture_%2$s()',
                operation,
                source_table,
                concat_ws(
                    ' ',
                    case when operation <> 'insert' then 'old table as old_rows' end,
                    case when operation <> 'delete' then 'new table as new_rows' end
                )
            );
        end loop;
        execute format(
            'create or replace trigger capture_truncate after truncate on billing.%I'
            ' for each statement execute function dynamics.capture_truncate()',
            source_table
        );
    end loop;
    insert into dynamics.change_log (needs_full_build) values (true);
end $$;

do $$ begin
    if current_setting('dynamics.capture_was_enabled')::boolean then
        call dynamics.enable_change_capture();
    end if;
end $$;
