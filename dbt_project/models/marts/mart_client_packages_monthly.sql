-- depends_on: {{ ref('int_repriced') }}
-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_package_months') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    meta={'touched': 'int_repriced', 'instant': 'utc_month', 'only_if': 'has_other_package_flows'},
    indexes=[{'columns': ['package_id', 'client_id']}, {'columns': ['client_id', 'utc_month']}],
) }}

select
    events.client_id,
    rates.utc_month,
    events.package_id,
    min(events.occurred_at) as first_at,
    {%- for kind in package_kinds() %}
    cast(count(case when events.kind = '{{ kind }}' then 1 end) as {{ dbt.type_int() }}) as {{ kind }}_quantity,
    cast(sum(case when events.kind = '{{ kind }}' then events.amount * rates.rate end) as {{ type_converted() }}) as {{ kind }}_amount,
    {%- endfor %}
    cast(count(*) - count(rates.rate) as {{ dbt.type_int() }}) as unpriced
from {{ repriced_events(only_if='has_other_package_flows') }} as events
inner join {{ ref('int_rates_daily') }} as rates
    on events.currency = rates.currency and events.utc_date = rates.utc_date
where {{ is_of_a_package('events') }}
group by events.client_id, rates.utc_month, events.package_id
-- A package's rows lie together, in the order of their clients.
order by events.package_id, events.client_id
