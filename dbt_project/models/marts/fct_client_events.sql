-- depends_on: {{ ref('int_touched') }}
-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_events') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'instant': 'occurred_at'},
    indexes=[{'columns': ['client_id', 'occurred_at']}, {'columns': [event_hour()]}],
) }}

{% if is_incremental() %}
select * from {{ ref('int_renewed_events') }}
{% else %}
{{ computed_events(of_touched=false) }}
{% endif %}
