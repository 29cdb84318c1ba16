-- depends_on: {{ ref('int_repriced') }}
-- depends_on: {{ ref('fct_client_events') }}
-- depends_on: {{ ref('int_replaced_package_months') }}
{{ config(
    materialized='incremental',
    incremental_strategy='replace_touched',
    pre_hook=without('hashagg'),
    meta={'touched': 'int_repriced', 'instant': 'utc_month'},
    indexes=[{'columns': ['client_id', 'utc_month'], 'unique': true}],
) }}

with

priced as (
    select
        events.*,
        rates.utc_month,
        rates.rate,
        events.amount * rates.rate as base_amount,
        case when events.valid_to is null or events.valid_to >= rates.next_utc_month then events.balance end as closing_balance,
        case when events.valid_to >= rates.next_utc_month then events.valid_to end as closing_until
    from {{ repriced_events() }} as events
    inner join {{ ref('int_rates_daily') }} as rates
        on events.currency = rates.currency and events.utc_date = rates.utc_date
)

select
    client_id,
    utc_month,
    {{ utc_month('max(closing_until)') }} as until_month,
    cast(max(closing_balance) as {{ type_money() }}) as balance,
    {{ utc_month('max(last_paid_at)') }} as last_paid_month,
    max(created) as created,
    {%- for kind in flow_kinds() %}
    cast(count(case when kind = '{{ kind }}' then 1 end) as {{ dbt.type_int() }}) as {{ kind }}_quantity,
    cast(sum(case when kind = '{{ kind }}' then base_amount end) as {{ type_converted() }}) as {{ kind }}_amount,
    {%- endfor %}
    cast(
        count(case when rate is null and kind in ('{{ flow_kinds() | join("', '") }}') then 1 end) as {{ dbt.type_int() }}
    ) as unpriced,
    min(case when kind <> 'created' then occurred_at end) as first_at,
    max(case when kind <> 'created' then occurred_at end) as last_at
from priced
group by client_id, utc_month
-- A client's rows lie together, so that they are read as one. Events nearly do: to sort them is quicker than to hash them.
order by client_id, utc_month
