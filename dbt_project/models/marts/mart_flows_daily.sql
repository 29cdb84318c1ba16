-- depends_on: {{ ref('int_touched') }}
-- depends_on: {{ ref('int_replaced_events') }}
{{ config(
    materialized='incremental',
    incremental_strategy='add',
    unique_key=['client_type', 'utc_date', 'kind', 'currency', 'package_id'],
    meta={'counts': 'quantity'},
    indexes=[{'columns': ['client_type', 'utc_date', 'kind', 'currency', 'package_id'], 'unique': true}],
) }}

with

changed as (
    {{ changed_events() }}
)

select
    client_type,
    {{ utc_date('occurred_at') }} as utc_date,
    kind,
    currency,
    package_id,
    sum(sign) as quantity,
    cast(sum({{ signed('amount') }}) as {{ type_money() }}) as amount
from changed
where kind <> 'created'
group by client_type, {{ utc_date('occurred_at') }}, kind, currency, package_id
