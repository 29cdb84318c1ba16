-- Flows of the members in every period (spec 5), in the base currency. A currency that is none stands where a rate is missing.
with

-- What members activated and renewed, by package: a group of packages counts its own, with which a member is in it. Which of
-- these that is, is asked of the few sums, which the planner would take for none.
sums_by_package as materialized (
    select
        members.group_number,
        months.package_id,
        months.utc_month,
        months.kind,
        sum(months.quantity) as quantity,
        sum(months.amount) as amount,
        sum(months.unpriced) > 0 as is_unpriced
    from members
    inner join mart_client_packages_monthly as months using (client_id)
    where
        months.package_id = any(%(group_package_ids)s)
        and months.utc_month >= (%(month_starts)s)[1]
        and months.utc_month < %(last_closing)s
    group by members.group_number, months.package_id, months.utc_month, months.kind
),

whole_months as (
    select
        sums.group_number,
        flow.period,
        flow.kind,
        flow.quantity,
        flow.amount,
        sums.is_unpriced
    from sums_of_months as sums
    cross join lateral (
        select width_bucket(sums.utc_month, %(month_starts)s) as period, moved.*
        from (
            values
                ('refill', refill_quantity, refill_amount),
                ('usage', usage_quantity, usage_amount),
                ('package_activation', package_activation_quantity, package_activation_amount),
                ('package_renewal', package_renewal_quantity, package_renewal_amount)
        ) as moved (kind, quantity, amount)
    ) as flow
    where flow.quantity > 0 and flow.period between sums.first_held and sums.last_held

    union all

    select
        sums.group_number,
        width_bucket(sums.utc_month, %(month_starts)s),
        sums.kind,
        sums.quantity,
        sums.amount,
        sums.is_unpriced
    from group_packages
    inner join sums_by_package as sums using (group_number, package_id)
),

-- What lies between two periods' common end and the nearest month's is added to the one and taken away from the other.
flows as (
    select
        events.group_number,
        events.first_held,
        events.last_held,
        side.period,
        events.kind,
        events.package_id,
        events.currency,
        events.utc_date,
        side.sign as quantity,
        side.sign * events.amount as amount
    from strip_events_of_members as events
    cross join lateral (values (events.closes, events.sign), (events.opens, -events.sign)) as side (period, sign)
    where side.period between 1 and %(periods)s
)

select
    group_number,
    period,
    kind as item,
    case when is_unpriced then '' else %(base_currency)s end as currency,
    (%(last_end)s::timestamptz at time zone 'UTC')::date as utc_date,
    quantity,
    amount
from whole_months

union all

{member_flows}
