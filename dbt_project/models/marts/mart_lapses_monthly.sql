{{ config(indexes=[{'columns': ['client_type']}]) }}

with

lapses as (
    select
        client_type,
        currency,
        {{ utc_month('valid_from') }} as valid_from,
        {{ utc_month('valid_to') }} as valid_to,
        {{ utc_month('last_paid_at') }} as last_paid_at,
        created,
        balance
    from {{ ref('fct_lapses') }}
)

select
    client_type,
    currency,
    valid_from,
    valid_to,
    last_paid_at,
    sum(created) as created_clients,
    count(*) as clients,
    sum(case when balance > 0 then 1 else 0 end) as positive_clients,
    cast(sum(case when balance > 0 then balance else 0 end) as {{ type_money() }}) as positive_balance,
    sum(case when balance < 0 then 1 else 0 end) as negative_clients,
    cast(sum(case when balance < 0 then balance else 0 end) as {{ type_money() }}) as negative_balance
from lapses
-- A state that begins and ends within a month is true at no month's end.
where valid_to is null or valid_to > valid_from
group by client_type, currency, valid_from, valid_to, last_paid_at
