select
    client_id,
    tag
from {{ source('billing', 'client_tags') }}
