-- depends_on: {{ ref('int_touched') }}
-- depends_on: {{ ref('int_renewed_events') }}
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
from {{ added_events() }} as events
where events.valid_to is null or {{ utc_month('events.valid_to') }} > {{ utc_month('events.occurred_at') }}
