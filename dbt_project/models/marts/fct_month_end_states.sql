-- depends_on: {{ ref('int_touched') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'instant': 'occurred_at'},
    indexes=[{'columns': ['client_id']}],
) }}

select
    events.client_id,
    events.occurred_at,
    events.valid_to,
    events.balance,
    events.last_paid_at,
    events.created
from {{ ref('fct_client_events') }} as events
{% if is_incremental() %}
inner join {{ ref('int_touched') }} as touched
    on events.client_id = touched.client_id and {{ is_replaced('events.occurred_at') }}
{% endif %}
where events.valid_to is null or {{ utc_month('events.valid_to') }} > {{ utc_month('events.occurred_at') }}
