-- Flows of the members in every period (spec 5), in the base currency. A currency that is none stands where a rate is missing.
with

-- What members activated and renewed, by package: a group of packages counts its own, with which a member is in it. Which of
-- these that is, is asked of the few sums, which the planner would take for none.
sums_by_package as materialized (
    select
        members.group_number,
        months.package_id,
        months.utc_month,
        sum(months.package_activation_quantity) as package_activation_quantity,
        sum(months.package_activation_amount) as package_activation_amount,
        sum(months.package_renewal_quantity) as package_renewal_quantity,
        sum(months.package_renewal_amount) as package_renewal_amount,
        sum(months.unpriced) as unpriced
    from members
    inner join mart_client_packages_monthly as months using (client_id)
    where
        months.package_id = any(%(group_package_ids)s)
        and months.utc_month >= (%(month_starts)s)[1]
        and months.utc_month < %(last_closing)s
    group by members.group_number, months.package_id, months.utc_month
),

whole_months as (
    {flows_of_months}

    union all

    select
        sums.group_number,
        width_bucket(sums.utc_month, %(month_starts)s),
        flow.kind,
        flow.quantity,
        flow.amount,
        sums.unpriced
    from group_packages
    inner join sums_by_package as sums using (group_number, package_id)
    cross join lateral (
        values
            ('package_activation', package_activation_quantity, package_activation_amount),
            ('package_renewal', package_renewal_quantity, package_renewal_amount)
    ) as flow (kind, quantity, amount)
    where flow.quantity > 0
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

{priced_months}

union all

{member_flows}
