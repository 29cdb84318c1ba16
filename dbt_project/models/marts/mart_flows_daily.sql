{{ config(indexes=[{'columns': ['client_type', 'utc_date', 'kind', 'currency', 'package_id'], 'unique': true}]) }}

select
    client_type,
    utc_date,
    kind,
    currency,
    package_id,
    count(*) as quantity,
    cast(sum(amount) as {{ type_money() }}) as amount,
    min(occurred_at) as first_at,
    max(occurred_at) as last_at
from {{ ref('fct_transactions') }}
group by client_type, utc_date, kind, currency, package_id
