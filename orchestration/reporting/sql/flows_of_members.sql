-- Return the flows of the members of package groups. A transaction counts in a group if its client is a
-- member at the end of the period. Activations and renewals count in the groups of their own package,
-- and in `No package` (definition: Grouping by package). Other kinds are included and not shown.
-- Grain: one row per group, period, kind, currency and UTC day.
-- Columns: group_number, period (from 1), kind, currency, utc_day (days since 1970-01-01), quantity,
-- amount.
-- Needs: view scoped_events, tables members, group_packages, end_slots; macro half_day; variables
-- `query`, `periods`.
with

flows as (
    select
        events.client,
        case
            when events.occurred_at >= slots.boundary then slots.count_after
            else slots.count_before
        end + 1 as period,
        events.kind,
        events.package,
        events.currency,
        slots.utc_day,
        events.amount
    from scoped_events as events
    inner join end_slots as slots on slots.slot = half_day(events.occurred_at)
    where
        events.occurred_at >= getvariable('periods').first_start
        and events.occurred_at < getvariable('periods').last_end
),

member_flows as (
    select
        members.group_number,
        flows.period,
        flows.kind,
        flows.currency,
        flows.utc_day,
        flows.amount
    from flows
    inner join members on flows.client = members.client
    where
        flows.period between members.first_period and members.last_period
        and (
            flows.kind in ('refill', 'usage')
            or members.group_number
            is not distinct from cast(getvariable('query').no_package_group as integer)
        )
    union all
    select
        group_packages.group_number,
        flows.period,
        flows.kind,
        flows.currency,
        flows.utc_day,
        flows.amount
    from flows
    inner join group_packages on flows.package = group_packages.package
    where flows.kind in ('package_activation', 'package_renewal')
)

select group_number, period, kind, currency, utc_day, count(*) as quantity, sum(amount) as amount
from member_flows
group by all;
