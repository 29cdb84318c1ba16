-- What the statements of a report share. It is read once for each opened store. What one report asks is
-- in the variable `asked`, and its look-up tables of instants are `end_slots` and `active_slots`.

-- Clients in scope as far as type, owner and tags say (definition: Scope).
-- Grain: one row a client.
create macro clients_in_scope() as table
select client, owner_id
from clients
where
    client_type = getvariable('asked').client_type
    and (cast(getvariable('asked').owner_ids as varchar[]) is null or owner_id in (select unnest(cast(getvariable('asked').owner_ids as varchar[]))))
    and (cast(getvariable('asked').client_tags as varchar[]) is null or list_has_any(tags, cast(getvariable('asked').client_tags as varchar[])));

-- The half of a UTC day in which an instant lies, counted from 1970-01-01. Integer division rounds towards
-- zero, so half days are counted from one before all instants. Infinity has none.
create macro half_day(instant) as
(epoch_us(instant) + 62135596800000000) // 43200000000 - 1438324;

-- The key of an instant in `end_slots`, which say how many periods' ends an instant has reached. An instant
-- before the first slot has the key of the first slot: it has reached no end.
create macro end_slot(instant) as
least(greatest(half_day(instant), getvariable('asked').first_end_slot), getvariable('asked').last_end_slot);

-- The key of an instant in `active_slots`, which place it among the begins of the active durations.
create macro active_slot(instant) as
least(greatest(half_day(instant), getvariable('asked').first_active_slot), getvariable('asked').last_active_slot);
