-- Refills, usage, activations and renewals of the members of package groups, in the periods at whose
-- end the client is a member. A group of packages counts its own activations and renewals, and
-- `No package` counts all (definition: Grouping by package). It has rows of other kinds as well, which
-- the report does not show.
-- Grain: one row a group, period, kind, currency and UTC day (days since 1970-01-01).
with

placed as (
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
        events.occurred_at >= getvariable('asked').first_start
        and events.occurred_at < getvariable('asked').last_end
),

of_members as (
    select members.group_number, placed.period, placed.kind, placed.currency, placed.utc_day, placed.amount
    from placed
    inner join members on placed.client = members.client
    where
        placed.period between members.first_period and members.last_period
        and (
            placed.kind in ('refill', 'usage')
            or members.group_number is not distinct from cast(getvariable('asked').no_package_group as integer)
        )
    union all
    select
        group_packages.group_number, placed.period, placed.kind, placed.currency, placed.utc_day, placed.amount
    from placed
    inner join group_packages on placed.package = group_packages.package
    where placed.kind in ('package_activation', 'package_renewal')
)

select group_number, period, kind, currency, utc_day, count(*) as quantity, sum(amount) as amount
from of_members
group by all;
