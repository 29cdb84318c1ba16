-- Return the flows of all clients in scope. All kinds are included: a filter by kind would cost more
-- than it saves, and the data interval is that of all transactions (definition: Data interval).
-- Grain: one row per group, period, kind, currency and UTC day.
-- Columns: group_number (always 1), period (from 1), kind (also 'created'), currency, utc_day (days
-- since 1970-01-01), quantity, amount, first_at and last_at (the first and last instant).
-- Needs: view scoped_events, table end_slots; macro half_day; variable `periods`.
select
    1 as group_number,
    case
        when events.occurred_at >= slots.boundary then slots.count_after
        else slots.count_before
    end + 1 as period,
    events.kind,
    events.currency,
    slots.utc_day,
    count(*) as quantity,
    sum(events.amount) as amount,
    min(events.occurred_at) as first_at,
    max(events.occurred_at) as last_at
from scoped_events as events
inner join end_slots as slots on slots.slot = half_day(events.occurred_at)
where
    events.occurred_at >= getvariable('periods').first_start
    and events.occurred_at < getvariable('periods').last_end
group by all;
