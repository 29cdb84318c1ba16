-- depends_on: {{ ref('int_repriced') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'touched': 'int_repriced', 'instant': 'utc_month'},
    indexes=[{'columns': ['client_id', 'utc_month']}],
) }}

with

priced as (
    select
        events.client_id,
        {{ utc_month('events.occurred_at') }} as utc_month,
        events.package_id,
        events.kind,
        events.occurred_at,
        events.amount * rates.rate as base_amount
    from {{ ref('fct_client_events') }} as events
    {% if is_incremental() %}
    inner join {{ ref('int_repriced') }} as touched
        on events.client_id = touched.client_id and {{ is_replaced('events.occurred_at') }}
    {% endif %}
    inner join {{ ref('int_rates_daily') }} as rates
        on events.currency = rates.currency and events.utc_date = rates.utc_date
    where events.kind <> 'created'
)

select
    client_id,
    utc_month,
    kind,
    package_id,
    count(*) as quantity,
    cast(sum(base_amount) as {{ type_converted() }}) as amount,
    count(*) - count(base_amount) as unpriced,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at
from priced
group by client_id, utc_month, kind, package_id
-- A client's rows lie together, so that they are read as one.
order by client_id, utc_month
