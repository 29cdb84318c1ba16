-- Grain: one row per transaction that counts. Voided transactions do not.
select
    transaction_id,
    client_id,
    occurred_at,
    kind,
    amount,
    package_id
from {{ source('billing', 'transactions') }}
where voided_at is null
