-- The same of all clients of a type, from sums by UTC day, for periods that begin and end at midnights.
-- Grain: one row a group, period, kind, currency and UTC day (days since 1970-01-01).
select
    1 as group_number,
    case
        when cast(flows.utc_date as timestamptz) >= slots.boundary then slots.count_after
        else slots.count_before
    end + 1 as period,
    flows.kind,
    flows.currency,
    slots.utc_day,
    flows.quantity,
    flows.amount
from daily_flows as flows
inner join end_slots as slots on slots.slot = half_day(cast(flows.utc_date as timestamptz))
where
    flows.client_type = getvariable('asked').client_type
    and flows.utc_date >= cast(getvariable('asked').first_start as date)
    and flows.utc_date <= getvariable('asked').last_date
    and flows.kind in ('refill', 'usage', 'package_activation', 'package_renewal');
