-- depends_on: {{ ref('int_touched') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'only_if': 'client_changed'},
    indexes=[{'columns': ['tag', 'client_id'], 'unique': true}, {'columns': ['client_id']}],
) }}

select
    client_id,
    tag
from {{ ref('stg_billing__client_tags') }}
{% if is_incremental() %}
where client_id in (select client_id from {{ ref('int_touched') }} where client_changed)
{% endif %}
