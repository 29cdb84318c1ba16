{{ config(indexes=[{'columns': ['client_type', 'utc_date', 'kind', 'currency', 'package_id'], 'unique': true}]) }}

select
    client_type,
    utc_date,
    kind,
    currency,
    package_id,
    cast(sum(quantity) as {{ dbt.type_bigint() }}) as quantity,
    cast(sum(amount) as {{ type_money() }}) as amount
from {{ ref('mart_owner_flows_daily') }}
group by client_type, utc_date, kind, currency, package_id
