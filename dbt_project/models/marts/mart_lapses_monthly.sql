-- depends_on: {{ ref('int_renewed_events') }}
-- depends_on: {{ ref('int_replaced_events') }}
{{ config(
    materialized='incremental',
    incremental_strategy='add',
    unique_key=['client_type', 'currency', 'valid_from', 'valid_to', 'last_paid_at'],
    meta={'counts': 'clients'},
    indexes=[{'columns': ['client_type', 'currency', 'valid_from', 'valid_to', 'last_paid_at'], 'unique': true}],
) }}

with

changed as (
    {% if is_incremental() -%}
    select
        events.*,
        events.occurred_at as valid_from
    from ({{ changed_events() }}) as events
    where {{ is_lapse('events') }}
    {%- else -%}
    select
        lapses.*,
        1 as sign
    from {{ ref('fct_lapses') }} as lapses
    {%- endif %}
),

lapses as (
    select
        client_type,
        currency,
        {{ utc_month('valid_from') }} as valid_from,
        coalesce({{ utc_month('valid_to') }}, {{ never() }}) as valid_to,
        {{ utc_month('last_paid_at') }} as last_paid_at,
        created,
        balance,
        sign
    from changed
)

select
    client_type,
    currency,
    valid_from,
    valid_to,
    last_paid_at,
    sum(sign * created) as created_clients,
    sum(sign) as clients,
    sum(sign * case when balance > 0 then 1 else 0 end) as positive_clients,
    cast(sum({{ signed('case when balance > 0 then balance else 0 end') }}) as {{ type_money() }}) as positive_balance,
    sum(sign * case when balance < 0 then 1 else 0 end) as negative_clients,
    cast(sum({{ signed('case when balance < 0 then balance else 0 end') }}) as {{ type_money() }}) as negative_balance
from lapses
-- A state that begins and ends within a month is true at no month's end.
where valid_to > valid_from
group by client_type, currency, valid_from, valid_to, last_paid_at
