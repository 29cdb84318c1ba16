-- The three cohorts at every period's end from what they were at an instant nearby, where a mart knows it.
-- What changed between the two is a strip of fct_client_events; who is not active any more is in fct_lapses, a few
-- states in a hundred, or by month in mart_lapses_monthly.
with

closings as ({closings}),

strip_events as ({strip_events}),

strips as (
    select
        events.group_number,
        events.period,
        events.currency,
        side.has_paid,
        sum(events.sign * side.sign * side.created) as created_clients,
        sum(events.sign * side.sign) as clients,
        sum(events.sign * side.sign * (side.balance > 0)::int) as positive_clients,
        sum(events.sign * side.sign * greatest(side.balance, 0)) as positive_balance,
        sum(events.sign * side.sign * (side.balance < 0)::int) as negative_clients,
        sum(events.sign * side.sign * least(side.balance, 0)) as negative_balance
    from strip_events as events
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
    where side.is_known
    group by events.group_number, events.period, events.currency, side.has_paid
),

lapses as materialized (
    select
        lapses.*,
        greatest(
            width_bucket(valid_from, %(ends)s) + 1, width_bucket(last_paid_at, %(active_since)s) + 1, first_held
        ) as first_period,
        least(case when valid_to is null then %(periods)s else width_bucket(valid_to, %(ends)s) end, last_held) as last_period
    from ({lapses}) as lapses
),

edges as (
    select
        lapses.group_number,
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
    group by lapses.group_number, lapses.currency, edge.period
),

lapsed as ({running}),

known as (
    select group_number, period, cohort, currency, created_clients, clients, positive_clients, positive_balance, negative_clients, negative_balance
    from closings
    union all
    select group_number, period, cohort.name, currency, created_clients, clients, positive_clients, positive_balance, negative_clients, negative_balance
    from strips
    cross join lateral (values ('Clients - All', true), ('Clients - Overall Active', strips.has_paid)) as cohort (name, is_in)
    where cohort.is_in
),

-- Active is overall active, less those who have lapsed.
cohorts as (
    select * from known
    union all
    select group_number, period, 'Clients - Active', currency, created_clients, clients, positive_clients, positive_balance, negative_clients, negative_balance
    from known
    where cohort = 'Clients - Overall Active'
    union all
    select group_number, period, cohort, currency, -created_clients, -clients, -positive_clients, -positive_balance, -negative_clients, -negative_balance
    from lapsed
)

select
    group_number,
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
group by group_number, cohort, currency, period
