-- depends_on: {{ ref('int_touched') }}
-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_events') }}
-- States come in the order of their clients, whom they are merged with.
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    pre_hook=without('hashjoin'),
    meta={'instant': 'occurred_at'},
    indexes=[{'columns': ['client_id', 'occurred_at']}, {'columns': [event_hour()]}],
) }}

{% if is_incremental() %}
select * from {{ ref('int_renewed_events') }}
{% else %}
{{ computed_events(of_touched=false) }}
{% endif %}
