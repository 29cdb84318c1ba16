-- The three cohorts' quantities and balances at every period's end, by currency (spec 5).
-- A state enters at its first period and leaves after its last; running sums over the periods do the rest.
with {scope},

states as ({states}),

edges as (
    select
        states.group_number,
        cohort.name as cohort,
        states.currency,
        edge.period,
        sum(edge.sign * states.created_clients) as created_clients,
        sum(edge.sign * states.clients) as clients,
        sum(edge.sign * states.positive_clients) as positive_clients,
        sum(edge.sign * states.positive_balance) as positive_balance,
        sum(edge.sign * states.negative_clients) as negative_clients,
        sum(edge.sign * states.negative_balance) as negative_balance
    from states
    cross join lateral (
        values
            ('Clients - Active', least(states.last_period, states.last_active_period), states.last_active_period is not null),
            ('Clients - Overall Active', states.last_period, states.last_active_period is not null),
            ('Clients - All', states.last_period, true)
    ) as cohort (name, last_period, has_paid)
    cross join lateral (values (states.first_period, 1), (cohort.last_period + 1, -1)) as edge (period, sign)
    where cohort.has_paid and states.first_period <= cohort.last_period
    group by states.group_number, cohort.name, states.currency, edge.period
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
