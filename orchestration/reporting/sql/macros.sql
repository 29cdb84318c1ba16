-- Macros of the other statements. They are created once for each opened store.
-- Needs: table clients; variables `query` and `periods` of the cursor that calls a macro.

-- Return the clients in scope by type, owner and tags (definition: Scope).
-- Grain: one row per client.
-- Columns: client, owner_id.
create macro clients_in_scope() as table
select client, owner_id
from clients
where
    client_type = getvariable('query').client_type
    and (
        cast(getvariable('query').owner_ids as varchar[]) is null
        or owner_id in (select unnest(cast(getvariable('query').owner_ids as varchar[])))
    )
    and (
        cast(getvariable('query').client_tags as varchar[]) is null
        or list_has_any(tags, cast(getvariable('query').client_tags as varchar[]))
    );

-- Return the number of the half UTC day that contains an instant, from 1970-01-01; null for infinity.
-- Integer division rounds towards zero. So half days are counted from the year 1, and the half days up to
-- 1970 are subtracted.
create macro half_day(instant) as
(epoch_us(instant) + 62135596800000000) // 43200000000 - 1438324;

-- Return the key of an instant in `end_slots`. An instant before the first slot gets the first slot: it
-- has reached no end of a period. Null and infinity get the first slot too, so that a join keeps their
-- rows. The statements treat them separately.
create macro end_slot(instant) as
least(
    greatest(half_day(instant), getvariable('periods').first_end_slot),
    getvariable('periods').last_end_slot
);

-- Return the key of an instant in `active_slots`, by the same rules.
create macro active_slot(instant) as
least(
    greatest(half_day(instant), getvariable('periods').first_active_slot),
    getvariable('periods').last_active_slot
);
