-- Refills, usage, activations and renewals of the clients in scope in each period (definition: Rows).
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
    sum(events.amount) as amount
from scoped_events as events
inner join end_slots as slots on slots.slot = half_day(events.occurred_at)
where
    events.occurred_at >= getvariable('asked').first_start
    and events.occurred_at < getvariable('asked').last_end
    and events.kind in ('refill', 'usage', 'package_activation', 'package_renewal')
group by all;
