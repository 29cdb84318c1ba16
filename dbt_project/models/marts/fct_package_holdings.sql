-- depends_on: {{ ref('int_touched') }}
-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_package_months') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'instant': 'held_since'},
    indexes=[{'columns': ['package_id', 'client_id'], 'unique': true}, {'columns': ['client_id']}],
) }}

select
    events.client_id,
    events.package_id,
    min(events.occurred_at) as held_since
from {{ added_events('int_transactions') }} as events
{% if is_incremental() %}
inner join {{ ref('int_touched') }} as touched on events.client_id = touched.client_id
{% endif %}
where
    {{ is_of_a_package('events') }}
    {% if is_incremental() %}
    -- What began before the touched instant is as it was.
    and not exists (
        select 1 from {{ this }} as known
        where
            known.client_id = events.client_id
            and known.package_id = events.package_id
            and known.held_since < touched.since
    )
    {% endif %}
group by events.client_id, events.package_id
