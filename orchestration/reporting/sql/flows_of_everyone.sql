-- Transactions of the clients in scope in each period, with the first and last instant of each row. The
-- report shows four of the kinds (definition: Rows); its data interval is that of all kinds but `created`
-- (definition: Snapshot). A filter by kind would cost more than the rows that it saves.
-- Grain: one row a group, period, kind, currency and UTC day (days since 1970-01-01).
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
    events.occurred_at >= getvariable('asked').first_start
    and events.occurred_at < getvariable('asked').last_end
group by all;
