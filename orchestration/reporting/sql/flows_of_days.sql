-- Return the flows of all clients of a type, from sums by UTC day. The periods start and end at UTC
-- midnights.
-- Grain: one row per group, period, kind, currency and UTC day.
-- Columns: group_number (always 1), period (from 1), kind, currency, utc_day (days since 1970-01-01),
-- quantity, amount.
-- Needs: tables daily_flows, end_slots; macro half_day; variables `query`, `periods`.
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
    flows.client_type = getvariable('query').client_type
    and flows.utc_date >= cast(getvariable('periods').first_start as date)
    and flows.utc_date <= getvariable('periods').last_date
    and flows.kind in ('refill', 'usage', 'package_activation', 'package_renewal');
