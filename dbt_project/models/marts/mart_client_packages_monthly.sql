-- depends_on: {{ ref('int_repriced') }}
-- depends_on: {{ ref('fct_client_events') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'touched': 'int_repriced', 'instant': 'utc_month'},
    indexes=[{'columns': ['package_id', 'client_id']}, {'columns': ['client_id', 'utc_month']}],
) }}

select
    events.client_id,
    rates.utc_month,
    events.package_id,
    events.kind,
    count(*) as quantity,
    cast(sum(events.amount * rates.rate) as {{ type_converted() }}) as amount,
    count(*) - count(rates.rate) as unpriced
from {{ repriced_events() }} as events
inner join {{ ref('int_rates_daily') }} as rates
    on events.currency = rates.currency and events.utc_date = rates.utc_date
where
    events.kind in ('package_activation', 'package_renewal')
    and events.package_id <> ''
group by events.client_id, rates.utc_month, events.package_id, events.kind
-- A package's rows lie together, in the order of their clients.
order by events.package_id, events.client_id
