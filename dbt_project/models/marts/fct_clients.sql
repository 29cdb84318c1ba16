-- Grain: one row per client.
{{ config(
    incremental_strategy='replace_changed_clients',
    indexes=[{'columns': ['client_id'], 'unique': true}],
) }}
{%- set changed_clients = ref('int_changed_clients') %}

with

clients as (
    select * from {{ ref('stg_billing__clients') }}
    {%- if is_incremental() %}
    where client_id in (select client_id from {{ changed_clients }} where attributes_changed)
    {%- endif %}
),

tags as (
    select
        client_id,
        array_agg(tag order by tag) as tags
    from {{ ref('stg_billing__client_tags') }}
    where client_id in (select client_id from clients)
    group by client_id
)

select
    clients.client_id,
    clients.name,
    clients.client_type,
    clients.owner_id,
    clients.currency,
    clients.created_at,
    coalesce(tags.tags, cast(array[] as text[])) as tags
from clients
left join tags on clients.client_id = tags.client_id
