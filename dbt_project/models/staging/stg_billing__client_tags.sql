-- Grain: one row per client and tag.
select
    client_id,
    tag
from {{ source('billing', 'client_tags') }}
