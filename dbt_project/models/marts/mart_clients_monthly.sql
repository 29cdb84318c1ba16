-- depends_on: {{ ref('int_repriced') }}
-- depends_on: {{ ref('int_renewed_events') }}
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
        events.amount * rates.rate as base_amount
    from {{ repriced_events() }} as events
    inner join {{ ref('int_rates_daily') }} as rates
        on events.currency = rates.currency and events.utc_date = rates.utc_date
),

moved as (
    select
        client_id,
        utc_month,
        sum(amount) as amount,
        max(case when {{ is_paid_service('priced') }} then utc_month end) as paid_month,
        max(case when kind = 'created' then 1 else 0 end) as created,
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
),

-- What a client had come to before the months that are made anew: its last row of those that stay.
come_to as (
    {% if is_incremental() -%}
    select
        repriced.client_id,
        last_row.balance,
        last_row.last_paid_month,
        last_row.created
    from {{ ref('int_repriced') }} as repriced
    cross join lateral (
        select * from {{ this }} as months
        where months.client_id = repriced.client_id and months.utc_month < repriced.since
        order by months.utc_month desc
        limit 1
    ) as last_row
    {%- else -%}
    select
        '' as client_id,
        0 as balance,
        cast(null as {{ type_instant() }}) as last_paid_month,
        0 as created
    from {{ ref('int_repriced') }}
    where 1 = 0
    {%- endif %}
)

select
    moved.client_id,
    moved.utc_month,
    lead(moved.utc_month) over client_months as until_month,
    cast(coalesce(come_to.balance, 0) + sum(moved.amount) over client_months as {{ type_money() }}) as balance,
    coalesce(max(moved.paid_month) over client_months, come_to.last_paid_month) as last_paid_month,
    greatest(max(moved.created) over client_months, coalesce(come_to.created, 0)) as created,
    {%- for kind in flow_kinds() %}
    moved.{{ kind }}_quantity,
    moved.{{ kind }}_amount,
    {%- endfor %}
    moved.unpriced,
    moved.first_at,
    moved.last_at
from moved
left join come_to on moved.client_id = come_to.client_id
window client_months as (partition by moved.client_id order by moved.utc_month rows between unbounded preceding and current row)
-- A client's rows lie together, so that they are read as one. To sort events by it is quicker than to hash them.
order by moved.client_id, moved.utc_month
