-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_events') }}
{{ config(
    materialized='incremental',
    incremental_strategy='add',
    unique_key=['client_type', 'utc_date', 'kind', 'currency'],
    meta={'counts': 'quantity'},
    indexes=[{'columns': ['client_type', 'utc_date', 'kind', 'currency'], 'unique': true}],
) }}

select
    client_type,
    utc_date,
    kind,
    currency,
    sum(sign) as quantity,
    cast(sum({{ signed('amount') }}) as {{ type_money() }}) as amount
from ({{ changed_events('int_events') }}) as changed
where kind <> 'created'
group by client_type, utc_date, kind, currency
