-- Grain: one row per package.
{{ config(incremental_strategy='replace_all', indexes=[{'columns': ['package_id'], 'unique': true}]) }}

select
    package_id,
    name
from {{ ref('stg_billing__packages') }}
