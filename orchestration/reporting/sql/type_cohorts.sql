-- The same for all clients of a type, with no other filter and no group: from the days' closing sums.
-- What changed between a UTC midnight and a boundary in another zone is a strip of fct_client_events; who is not active
-- any more is in fct_lapses, a few states in a hundred, or by month in mart_lapses_monthly.
with

boundaries as (
    select * from unnest(
        %(after_days)s::date[], %(strip_starts)s::timestamptz[], %(strip_ends)s::timestamptz[], %(strip_signs)s::int[]
    ) with ordinality as b (after_day, strip_start, strip_end, sign, period)
),

days as (
    select boundaries.period, closing.*
    from boundaries
    cross join (
        select distinct cohort, currency from mart_balances_daily where client_type = %(client_type)s
    ) as cohorts
    cross join lateral (
        select
            mart.cohort, mart.currency, created_clients, clients,
            positive_clients, positive_balance, negative_clients, negative_balance
        from mart_balances_daily as mart
        where
            mart.client_type = %(client_type)s
            and mart.cohort = cohorts.cohort
            and mart.currency = cohorts.currency
            and mart.utc_date < boundaries.after_day
        order by mart.utc_date desc
        limit 1
    ) as closing
),

strips as (
    select
        boundaries.period,
        cohort.name as cohort,
        events.currency,
        sum(boundaries.sign * side.sign * side.created) as created_clients,
        sum(boundaries.sign * side.sign) as clients,
        sum(boundaries.sign * side.sign * (side.balance > 0)::int) as positive_clients,
        sum(boundaries.sign * side.sign * greatest(side.balance, 0)) as positive_balance,
        sum(boundaries.sign * side.sign * (side.balance < 0)::int) as negative_clients,
        sum(boundaries.sign * side.sign * least(side.balance, 0)) as negative_balance
    from boundaries
    inner join fct_client_events as events
        on
            events.client_type = %(client_type)s
            and events.occurred_at >= boundaries.strip_start
            and events.occurred_at < boundaries.strip_end
    cross join lateral (
        values
            (1, events.balance, events.created, true, events.last_paid_at is not null),
            (
                -1,
                events.balance - events.amount,
                events.created - (events.kind = 'created')::int,
                not events.is_first,
                events.last_paid_at is not null and not events.is_first_paid
            )
    ) as side (sign, balance, created, is_known, has_paid)
    cross join lateral (
        values ('Clients - All', side.is_known), ('Clients - Overall Active', side.has_paid)
    ) as cohort (name, is_in)
    where cohort.is_in
    group by boundaries.period, cohort.name, events.currency
),

lapses as materialized (
    select
        lapses.*,
        greatest(width_bucket(valid_from, %(ends)s), width_bucket(last_paid_at, %(active_since)s)) + 1 as first_period,
        case when valid_to is null then %(periods)s else width_bucket(valid_to, %(ends)s) end as last_period
    from ({lapses}) as lapses
),

edges as (
    select
        1 as group_number,
        'Clients - Active' as cohort,
        lapses.currency,
        edge.period,
        sum(edge.sign * created_clients) as created_clients,
        sum(edge.sign * clients) as clients,
        sum(edge.sign * positive_clients) as positive_clients,
        sum(edge.sign * positive_balance) as positive_balance,
        sum(edge.sign * negative_clients) as negative_clients,
        sum(edge.sign * negative_balance) as negative_balance
    from lapses
    cross join lateral (values (lapses.first_period, 1), (lapses.last_period + 1, -1)) as edge (period, sign)
    where lapses.first_period <= lapses.last_period
    group by lapses.currency, edge.period
),

lapsed as ({running}),

known as (
    select period, cohort, currency, created_clients, clients, positive_clients, positive_balance, negative_clients, negative_balance
    from days
    union all
    select period, cohort, currency, created_clients, clients, positive_clients, positive_balance, negative_clients, negative_balance
    from strips
),

-- Active is overall active, less those who have lapsed.
cohorts as (
    select * from known
    union all
    select period, 'Clients - Active', currency, created_clients, clients, positive_clients, positive_balance, negative_clients, negative_balance
    from known
    where cohort = 'Clients - Overall Active'
    union all
    select period, cohort, currency, -created_clients, -clients, -positive_clients, -positive_balance, -negative_clients, -negative_balance
    from lapsed
)

select
    1 as group_number,
    cohort,
    currency,
    period,
    sum(created_clients) as created_clients,
    sum(clients) as clients,
    sum(positive_clients) as positive_clients,
    sum(positive_balance) as positive_balance,
    sum(negative_clients) as negative_clients,
    sum(negative_balance) as negative_balance
from cohorts
group by cohort, currency, period
