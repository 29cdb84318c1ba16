-- The same in the base currency, from UTC months that have been summed; what lies between a period's ends and the nearest
-- months' is added or taken away event by event. A currency that is none stands where a rate is missing.
with {scope},

-- What lies between two periods' common end and the nearest month's is added to the one and taken away from the other.
strips as (
    select * from unnest(
        %(flow_strip_starts)s::timestamptz[],
        %(flow_strip_ends)s::timestamptz[],
        %(flow_strip_signs)s::int[],
        %(flow_strip_closes)s::int[],
        %(flow_strip_opens)s::int[]
    ) as s (start_at, end_at, sign, closes, opens)
),

flows as (
    select
        members.group_number,
        members.held_since,
        members.held_until,
        width_bucket(months.utc_month, %(month_starts)s) as period,
        months.kind,
        months.package_id,
        case when months.unpriced > 0 then '' else %(base_currency)s end as currency,
        (%(last_end)s::timestamptz at time zone 'UTC')::date as utc_date,
        months.quantity,
        months.amount
    from members
    inner join mart_client_flows_monthly as months using (client_id)
    where months.utc_month >= (%(month_starts)s)[1] and months.utc_month < (%(month_ends)s)[%(periods)s]

    union all

    select
        members.group_number,
        members.held_since,
        members.held_until,
        beside.period,
        events.kind,
        events.package_id,
        events.currency,
        events.utc_date,
        beside.sign,
        beside.sign * events.amount
    from strips
    cross join lateral ({strip}) as events
    inner join members using (client_id)
    cross join lateral (values (strips.closes, strips.sign), (strips.opens, -strips.sign)) as beside (period, sign)
)

{member_flows}
