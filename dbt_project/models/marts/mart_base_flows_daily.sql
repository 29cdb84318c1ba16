{{ config(indexes=[{'columns': ['client_type', 'utc_date', 'kind'], 'unique': true}]) }}

with

flows as (
    select * from {{ ref('mart_flows_daily') }}
),

rates as (
    select * from {{ ref('int_rates_daily') }}
)

select
    flows.client_type,
    flows.utc_date,
    flows.kind,
    cast(sum(flows.quantity) as {{ dbt.type_bigint() }}) as quantity,
    cast(sum(flows.amount * rates.rate) as {{ type_converted() }}) as amount,
    cast(sum(case when rates.rate is null then flows.quantity else 0 end) as {{ dbt.type_bigint() }}) as unpriced
from flows
inner join rates on flows.currency = rates.currency and flows.utc_date = rates.utc_date
where flows.kind in ('{{ flow_kinds() | join("', '") }}')
group by flows.client_type, flows.utc_date, flows.kind
