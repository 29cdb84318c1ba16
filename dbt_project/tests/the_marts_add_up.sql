-- The balances of all clients equal the sum of all flows. Both marts are changed in place, and each
-- of them on its own, so a mistake in one of them shows here.
with

flows as (
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
    flows.amount
from balances
full join flows using (client_type, currency)
where coalesce(balances.balance, 0) <> coalesce(flows.amount, 0)
