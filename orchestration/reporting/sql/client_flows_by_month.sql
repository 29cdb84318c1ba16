-- The same in the base currency, from UTC months that have been summed; what lies between a period's ends and the nearest
-- months' is added or taken away event by event. A currency that is none stands where a rate is missing.
with {scope},

flows as (
    select
        members.group_number,
        width_bucket(flows.utc_month, %(month_starts)s) as period,
        members.held_since,
        members.held_until,
        flows.*,
        %(everyone)s
        or members.group_number = %(no_package_group)s
        or exists (
            select from group_packages
            where group_packages.group_number = members.group_number and group_packages.package_id = flows.package_id
        ) as is_of_group
    from members
    inner join mart_client_flows_monthly as flows using (client_id)
    where flows.utc_month >= (%(month_starts)s)[1] and flows.utc_month < (%(month_ends)s)[%(periods)s]
),

months as (
    select
        group_number,
        period,
        unpriced > 0 as is_unpriced,
        sum(refill_quantity) as refill_quantity,
        sum(refill_amount) as refill_amount,
        sum(usage_quantity) as usage_quantity,
        sum(usage_amount) as usage_amount,
        sum(package_activation_quantity) filter (where is_of_group) as package_activation_quantity,
        sum(package_activation_amount) filter (where is_of_group) as package_activation_amount,
        sum(package_renewal_quantity) filter (where is_of_group) as package_renewal_quantity,
        sum(package_renewal_amount) filter (where is_of_group) as package_renewal_amount
    from flows
    where
        (held_since is null or held_since < (%(ends)s)[period])
        and (held_until is null or held_until >= (%(ends)s)[period])
    group by group_number, period, unpriced > 0
),

strips as (
    select * from unnest(
        %(flow_strip_periods)s::int[], %(flow_strip_starts)s::timestamptz[], %(flow_strip_ends)s::timestamptz[], %(flow_strip_signs)s::int[]
    ) as s (period, start_at, end_at, sign)
)

select
    months.group_number,
    months.period,
    flow.item,
    case when months.is_unpriced then '' else %(base_currency)s end as currency,
    (%(closing_dates)s::date[])[months.period] as utc_date,
    flow.quantity,
    flow.amount
from months
cross join lateral (
    values
        ('refill', refill_quantity, refill_amount),
        ('usage', usage_quantity, usage_amount),
        ('package_activation', package_activation_quantity, package_activation_amount),
        ('package_renewal', package_renewal_quantity, package_renewal_amount)
) as flow (item, quantity, amount)
where flow.quantity > 0

union all

select
    members.group_number,
    strips.period,
    events.kind,
    events.currency,
    events.utc_date,
    sum(strips.sign),
    sum(strips.sign * events.amount)
from strips
inner join fct_client_events as events on events.occurred_at >= strips.start_at and events.occurred_at < strips.end_at
inner join members using (client_id)
where
    events.kind in ('refill', 'usage', 'package_activation', 'package_renewal')
    and (members.held_since is null or members.held_since < (%(ends)s)[strips.period])
    and (members.held_until is null or members.held_until >= (%(ends)s)[strips.period])
    and (
        %(everyone)s
        or events.kind in ('refill', 'usage')
        or members.group_number = %(no_package_group)s
        or exists (
            select from group_packages
            where group_packages.group_number = members.group_number and group_packages.package_id = events.package_id
        )
    )
group by members.group_number, strips.period, events.kind, events.currency, events.utc_date
