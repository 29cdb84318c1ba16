{{ config(indexes=[
    {'columns': ['client_id', 'occurred_at']},
    {'columns': ['client_type', 'occurred_at']},
]) }}

with

transactions as (
    select * from {{ ref('stg_billing__transactions') }}
),

clients as (
    select * from {{ ref('stg_billing__clients') }}
)

select
    transactions.transaction_id,
    transactions.client_id,
    clients.client_type,
    clients.currency,
    transactions.occurred_at,
    transactions.utc_date,
    transactions.kind,
    coalesce(transactions.package_id, '') as package_id,
    transactions.amount
from transactions
inner join clients on transactions.client_id = clients.client_id
