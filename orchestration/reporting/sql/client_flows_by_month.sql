-- The same in the base currency, from UTC months that have been summed; what lies between a period's ends and the nearest
-- months' is added or taken away event by event. A currency that is none stands where a rate is missing.
with {scope},

months as (
    select
        members.group_number,
        members.held_since,
        members.held_until,
        width_bucket(flows.utc_month, %(month_starts)s) as period,
        flows.kind,
        flows.package_id,
        flows.quantity,
        flows.amount,
        case when flows.unpriced > 0 then '' else %(base_currency)s end as currency
    from members
    inner join mart_client_flows_monthly as flows using (client_id)
    where
        flows.utc_month >= (%(month_starts)s)[1]
        and flows.utc_month < (%(month_ends)s)[%(periods)s]
        and flows.kind in ('refill', 'usage', 'package_activation', 'package_renewal')
),

-- What lies between two periods' common end and the nearest month's is added to the one and taken away from the other.
strips as (
    select * from unnest(
        %(flow_strip_starts)s::timestamptz[],
        %(flow_strip_ends)s::timestamptz[],
        %(flow_strip_signs)s::int[],
        %(flow_strip_closes)s::int[],
        %(flow_strip_opens)s::int[]
    ) as s (start_at, end_at, sign, closes, opens)
)

select
    group_number,
    period,
    kind as item,
    currency,
    (%(closing_dates)s::date[])[period] as utc_date,
    sum(quantity) as quantity,
    sum(amount) as amount
from months
where
    (held_since is null or held_since < (%(ends)s)[period])
    and (held_until is null or held_until >= (%(ends)s)[period])
    and (
        %(everyone)s
        or kind in ('refill', 'usage')
        or months.group_number = %(no_package_group)s
        or exists (
            select from group_packages
            where group_packages.group_number = months.group_number and group_packages.package_id = months.package_id
        )
    )
group by group_number, period, kind, currency

union all

select
    members.group_number,
    beside.period,
    events.kind,
    events.currency,
    events.utc_date,
    sum(beside.sign),
    sum(beside.sign * events.amount)
from strips
cross join lateral ({strip}) as events
inner join members using (client_id)
cross join lateral (values (strips.closes, strips.sign), (strips.opens, -strips.sign)) as beside (period, sign)
where
    events.kind in ('refill', 'usage', 'package_activation', 'package_renewal')
    and beside.period between 1 and %(periods)s
    and (members.held_since is null or members.held_since < (%(ends)s)[beside.period])
    and (members.held_until is null or members.held_until >= (%(ends)s)[beside.period])
    and (
        %(everyone)s
        or events.kind in ('refill', 'usage')
        or members.group_number = %(no_package_group)s
        or exists (
            select from group_packages
            where group_packages.group_number = members.group_number and group_packages.package_id = events.package_id
        )
    )
group by members.group_number, beside.period, events.kind, events.currency, events.utc_date
