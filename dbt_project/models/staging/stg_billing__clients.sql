-- Grain: one row per client.
select
    client_id,
    name,
    client_type,
    owner_id,
    currency,
    created_at
from {{ source('billing', 'clients') }}
