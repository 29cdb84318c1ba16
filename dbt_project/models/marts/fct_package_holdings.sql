-- depends_on: {{ ref('int_touched') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    indexes=[{'columns': ['package_id', 'client_id'], 'unique': true}, {'columns': ['client_id']}],
) }}

with

events as (
    select * from {{ ref('fct_client_events') }}
),

{% if is_incremental() %}
touched as (
    select * from {{ ref('int_touched') }}
),

held as (
    select
        events.client_id,
        events.package_id,
        events.occurred_at as held_since
    from touched
    inner join events on touched.client_id = events.client_id
    where
        {{ is_replaced('events.occurred_at') }}
        and events.kind in ('package_activation', 'package_renewal')
        and events.package_id <> ''
    union all
    -- What began before the touched instant is as it was.
    select
        known.client_id,
        known.package_id,
        known.held_since
    from touched
    inner join {{ this }} as known on touched.client_id = known.client_id
    where known.held_since < touched.since
)
{% else %}
held as (
    select
        client_id,
        package_id,
        occurred_at as held_since
    from events
    where kind in ('package_activation', 'package_renewal') and package_id <> ''
)
{% endif %}

select
    client_id,
    package_id,
    min(held_since) as held_since
from held
group by client_id, package_id
