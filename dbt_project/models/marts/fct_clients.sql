-- depends_on: {{ ref('int_touched') }}
-- depends_on: {{ ref('int_replaced_package_months') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'only_if': 'client_changed'},
    indexes=[
        {'columns': ['client_id'], 'unique': true},
        {'columns': ['client_type', 'owner_id']},
        {'columns': ['tags'], 'type': 'gin'},
    ],
) }}

with

tagged as (
    select
        client_id,
        array_agg(tag order by tag) as tags
    from {{ ref('stg_billing__client_tags') }}
    group by client_id
)

select
    clients.client_id,
    clients.name,
    clients.client_type,
    clients.owner_id,
    clients.currency,
    clients.created_at,
    coalesce(tagged.tags, cast(array[] as {{ type_texts() }})) as tags
from {{ ref('stg_billing__clients') }} as clients
left join tagged on clients.client_id = tagged.client_id
{% if is_incremental() %}
where clients.client_id in (select client_id from {{ ref('int_touched') }} where client_changed)
{% endif %}
