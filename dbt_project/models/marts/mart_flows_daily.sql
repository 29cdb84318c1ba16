{{ config(indexes=[{'columns': ['client_type', 'utc_date', 'kind', 'currency', 'package_id'], 'unique': true}]) }}

select
    client_type,
    utc_date,
    kind,
    currency,
    package_id,
    count(*) as quantity,
    cast(sum(amount) as {{ type_money() }}) as amount
from {{ ref('fct_transactions') }}
group by client_type, utc_date, kind, currency, package_id
