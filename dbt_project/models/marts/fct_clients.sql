-- depends_on: {{ ref('int_touched') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'only_if': 'client_changed'},
    indexes=[{'columns': ['client_id'], 'unique': true}, {'columns': ['client_type', 'owner_id']}],
) }}

select
    client_id,
    name,
    client_type,
    owner_id,
    currency,
    created_at
from {{ ref('stg_billing__clients') }}
{% if is_incremental() %}
where client_id in (select client_id from {{ ref('int_touched') }} where client_changed)
{% endif %}
