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
union all
select
    client_id,
    client_type,
    currency,
    created_at as occurred_at,
    {{ utc_date('created_at') }} as utc_date,
    'created' as kind,
    '' as package_id,
    0 as amount
from {{ ref('stg_billing__clients') }}
