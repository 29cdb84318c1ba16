select
    package_id,
    name
from {{ source('billing', 'packages') }}
