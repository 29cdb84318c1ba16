select
    transaction_id,
    client_id,
    occurred_at,
    kind,
    amount,
    package_id
from {{ source('billing', 'transactions') }}
where voided_at is null
