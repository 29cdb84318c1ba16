{{ config(materialized='view') }}

select
    transactions.client_id,
    clients.client_type,
    clients.currency,
    transactions.occurred_at,
    {{ utc_date('transactions.occurred_at') }} as utc_date,
    transactions.kind,
    coalesce(transactions.package_id, '') as package_id,
    transactions.amount
from {{ ref('stg_billing__transactions') }} as transactions
inner join {{ ref('stg_billing__clients') }} as clients on transactions.client_id = clients.client_id
