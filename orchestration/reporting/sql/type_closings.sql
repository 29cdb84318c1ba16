-- All clients of a type at UTC midnights, from the days' closing sums.
select 1 as group_number, boundaries.period, closing.*
from unnest(%(closing_instants)s::timestamptz[]) with ordinality as boundaries (closing_instant, period)
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
        and mart.utc_date < (boundaries.closing_instant at time zone 'UTC')::date
    order by mart.utc_date desc
    limit 1
) as closing
