-- States of clients that hold at the end of some period: from first_period to last_period, and up to
-- last_active_period the client counts as active (null: the client never paid).
-- Grain: one row a state. A state holds at the instants e with occurred_at < e <= valid_to.
create temp table states as
with

-- Most states begin and end within one period. They are left out before anything else is looked up:
-- a state must reach the next end of a period after it begins.
lasting as (
    select
        events.client,
        events.currency,
        events.balance,
        events.is_created,
        events.last_paid_at,
        events.valid_to,
        case
            when events.occurred_at >= slots.boundary then slots.count_after
            else slots.count_before
        end + 1 as first_period
    from scoped_events as events
    inner join end_slots as slots on slots.slot = end_slot(events.occurred_at)
    where
        events.occurred_at < getvariable('asked').last_end
        and events.valid_to >= getvariable('asked').first_end
        and events.valid_to >= slots.boundary
        and (events.occurred_at < slots.boundary or events.valid_to >= slots.next_boundary)
)

select
    1 as group_number,
    lasting.client,
    lasting.currency,
    lasting.first_period,
    case
        when lasting.valid_to >= getvariable('asked').last_end then getvariable('asked').periods
        when lasting.valid_to >= ended.boundary then ended.count_after
        else ended.count_before
    end as last_period,
    case
        when lasting.last_paid_at is null then null
        when lasting.last_paid_at < getvariable('asked').first_active_since then 0
        when lasting.last_paid_at >= getvariable('asked').last_active_since then getvariable('asked').periods
        when lasting.last_paid_at >= paid.boundary then paid.count_after + 1
        else paid.count_before + 1
    end as last_active_period,
    lasting.is_created,
    lasting.balance,
    lasting.last_paid_at
from lasting
inner join end_slots as ended on ended.slot = end_slot(lasting.valid_to)
inner join active_slots as paid on paid.slot = active_slot(lasting.last_paid_at);
