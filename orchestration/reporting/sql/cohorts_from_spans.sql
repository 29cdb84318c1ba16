-- The members' quantities and balances by cohort and currency, at instants that have a number each (spec 5): any filter,
-- any group. Without `Clients - Active` where that is asked of the lapses.
with

spans as ({spans}),

-- A client that never paid has no last active period: only `Clients - All` counts it.
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
    where
        cohort.has_paid
        and spans.first_period <= cohort.last_period
        and (cohort.name <> 'Clients - Active' or not %(lapses_apart)s)
    group by spans.group_number, cohort.name, spans.currency, edge.period
)

{running}
