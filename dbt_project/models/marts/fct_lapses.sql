-- depends_on: {{ ref('int_touched') }}
-- depends_on: {{ ref('int_renewed_events') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'instant': 'valid_from'},
    indexes=[{'columns': ['client_type', 'valid_from']}, {'columns': ['client_id', 'valid_from'], 'unique': true}],
) }}

select
    events.client_id,
    events.client_type,
    events.currency,
    events.occurred_at as valid_from,
    events.valid_to,
    events.balance,
    events.last_paid_at,
    events.created
from {{ added_events() }} as events
where {{ is_lapse('events') }}
