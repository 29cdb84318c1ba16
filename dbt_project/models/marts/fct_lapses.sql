{{ config(indexes=[{'columns': ['client_type', 'valid_from']}]) }}

with

balances as (
    select * from {{ ref('fct_balances') }}
),

paid as (
    select
        client_id,
        valid_from as paid_at,
        lead(valid_from) over (partition by client_id order by valid_from) as next_paid_at
    from balances
    where last_paid_at = valid_from
),

long_pauses as (
    select * from paid
    where next_paid_at is null or next_paid_at > {{ shortest_lapse('paid_at') }}
)

select
    balances.client_id,
    balances.client_type,
    balances.currency,
    balances.valid_from,
    balances.valid_to,
    balances.balance,
    balances.last_paid_at,
    balances.created
from balances
inner join long_pauses
    on balances.client_id = long_pauses.client_id and balances.last_paid_at = long_pauses.paid_at
where balances.valid_to is null or balances.valid_to > {{ shortest_lapse('balances.last_paid_at') }}
