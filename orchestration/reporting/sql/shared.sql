-- What the statements of a report share. It is read once for each opened store. What one report asks is
-- in the variable `asked`, and its look-up tables of instants are `end_slots` and `active_slots`.

-- Clients in scope as far as type, owner and tags say (definition: Scope).
-- Grain: one row a client.
create macro scope() as table
select client, currency, owner_id
from clients
where
    client_type = getvariable('asked').client_type
    and (cast(getvariable('asked').owner_ids as varchar[]) is null or owner_id in (select unnest(cast(getvariable('asked').owner_ids as varchar[]))))
    and (cast(getvariable('asked').client_tags as varchar[]) is null or list_has_any(tags, cast(getvariable('asked').client_tags as varchar[])));

-- Where the states and flows of a report come from: one of these becomes the view `scoped_events`.

-- Events of all clients of a type.
create macro events_of_type() as table
select * from events
where client_type = getvariable('asked').client_type;

-- Events of the clients in `scope`. The type is asked for as well, because whole stretches of a store
-- hold one type and are left out without a look at their clients.
create macro events_of_scope() as table
select * from events
where client_type = getvariable('asked').client_type and client in (select client from scope());

-- States of all clients of a type in which a client can count as no longer active.
create macro lapses_of_type() as table
select * from lapses
where client_type = getvariable('asked').client_type;

-- The UTC date of an instant, as days since 1970-01-01. Integer division rounds towards zero, so days are
-- counted from one before all instants.
create macro utc_day(instant) as
(epoch_us(instant) + 62135596800000000) // 86400000000 - 719162;

-- The key of an instant in `end_slots`, which place instants among the periods' ends.
create macro end_slot(instant) as
(epoch_us(greatest(instant, getvariable('asked').end_base)) - epoch_us(getvariable('asked').end_base))
// getvariable('asked').end_width;

-- The key of an instant in `active_slots`, which place it among the begins of the active durations.
create macro active_slot(instant) as
least(
    (epoch_us(greatest(instant, getvariable('asked').active_base)) - epoch_us(getvariable('asked').active_base))
    // getvariable('asked').active_width,
    getvariable('asked').active_last
);
