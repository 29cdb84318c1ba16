-- The three cohorts' quantities and balances at every period's end, by currency (spec 5).
-- A state enters at its first period and leaves after its last; running sums over the periods do the rest.
with {scope},

-- Materialized, so that a state's periods are looked up once and not at every mention.
states as materialized ({states}),

spans as (
    select
        group_number,
        currency,
        first_period,
        last_period,
        last_active_period,
        sum(created_clients) as created_clients,
        sum(clients) as clients,
        sum(positive_clients) as positive_clients,
        sum(positive_balance) as positive_balance,
        sum(negative_clients) as negative_clients,
        sum(negative_balance) as negative_balance
    from states
    where first_period <= last_period
    group by group_number, currency, first_period, last_period, last_active_period
),

edges as (
    select
        spans.group_number,
        cohort.name as cohort,
        spans.currency,
        edge.period,
        sum(edge.sign * spans.created_clients) as created_clients,
        sum(edge.sign * spans.clients) as clients,
        sum(edge.sign * spans.positive_clients) as positive_clients,
        sum(edge.sign * spans.positive_balance) as positive_balance,
        sum(edge.sign * spans.negative_clients) as negative_clients,
        sum(edge.sign * spans.negative_balance) as negative_balance
    from spans
    cross join lateral (
        values
            ('Clients - Active', least(spans.last_period, spans.last_active_period), spans.last_active_period is not null),
            ('Clients - Overall Active', spans.last_period, spans.last_active_period is not null),
            ('Clients - All', spans.last_period, true)
    ) as cohort (name, last_period, has_paid)
    cross join lateral (values (spans.first_period, 1), (cohort.last_period + 1, -1)) as edge (period, sign)
    where cohort.has_paid and spans.first_period <= cohort.last_period
    group by spans.group_number, cohort.name, spans.currency, edge.period
),

cohorts as (
    select distinct group_number, cohort, currency from edges
)

select
    cohorts.group_number,
    cohorts.cohort,
    cohorts.currency,
    period,
    sum(coalesce(edges.created_clients, 0)) over so_far as created_clients,
    sum(coalesce(edges.clients, 0)) over so_far as clients,
    sum(coalesce(edges.positive_clients, 0)) over so_far as positive_clients,
    sum(coalesce(edges.positive_balance, 0)) over so_far as positive_balance,
    sum(coalesce(edges.negative_clients, 0)) over so_far as negative_clients,
    sum(coalesce(edges.negative_balance, 0)) over so_far as negative_balance
from cohorts
cross join generate_series(1, %(periods)s) as period
left join edges using (group_number, cohort, currency, period)
window so_far as (partition by cohorts.group_number, cohorts.cohort, cohorts.currency order by period)
