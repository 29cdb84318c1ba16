-- Grain: one row per package.
select
    package_id,
    name
from {{ source('billing', 'packages') }}
