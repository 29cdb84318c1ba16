-- Every amount that moved is in a balance: the last balances of all clients are the sum of their flows. Both marts are
-- moved by differences, each on its own.
with

moved as (
    select
        client_type,
        currency,
        sum(amount) as amount
    from {{ ref('mart_flows_daily') }}
    group by client_type, currency
),

closing as (
    select
        balances.client_type,
        balances.currency,
        balances.positive_balance + balances.negative_balance as balance
    from {{ ref('mart_balances_daily') }} as balances
    inner join (
        select
            client_type,
            currency,
            max(utc_date) as utc_date
        from {{ ref('mart_balances_daily') }}
        group by client_type, currency
    ) as last_days
        on
            balances.client_type = last_days.client_type
            and balances.currency = last_days.currency
            and balances.utc_date = last_days.utc_date
    where balances.cohort = 'Clients - All'
)

select
    closing.client_type,
    closing.currency,
    closing.balance,
    moved.amount
from closing
left join moved on closing.client_type = moved.client_type and closing.currency = moved.currency
where closing.balance <> coalesce(moved.amount, 0)
