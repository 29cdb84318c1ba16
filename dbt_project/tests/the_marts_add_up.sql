-- The balances of all clients are the sum of their flows. Both marts are changed in place, each on
-- its own.
with

moved as (
    select
        client_type,
        currency,
        sum(amount) as amount
    from {{ ref('mart_flows_daily') }}
    group by client_type, currency
),

balances as (
    select
        client_type,
        currency,
        sum(positive_balance + negative_balance) as balance
    from {{ ref('mart_cohort_changes') }}
    where cohort = 'all'
    group by client_type, currency
)

select
    client_type,
    currency,
    balances.balance,
    moved.amount
from balances
full join moved using (client_type, currency)
where coalesce(balances.balance, 0) <> coalesce(moved.amount, 0)
