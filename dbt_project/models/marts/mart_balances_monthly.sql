{{ config(indexes=[{'columns': ['client_type', 'from_month', 'to_month']}]) }}

with

balances as (
    select * from {{ ref('fct_balances') }}
),

clients as (
    select * from {{ ref('fct_clients') }}
),

month_states as (
    select
        client_id,
        {{ next_utc_month('valid_from') }} as from_month,
        {{ utc_month('valid_to') }} as to_month,
        {{ utc_month('last_paid_at') }} as last_paid_month,
        balance,
        created
    from balances
)

select
    clients.client_type,
    clients.currency,
    month_states.from_month,
    month_states.to_month,
    month_states.last_paid_month,
    cast(sum(month_states.created) as {{ dbt.type_bigint() }}) as created_clients,
    count(*) as clients,
    cast(sum(case when month_states.balance > 0 then 1 else 0 end) as {{ dbt.type_bigint() }}) as positive_clients,
    cast(sum(case when month_states.balance > 0 then month_states.balance else 0 end) as {{ type_money() }}) as positive_balance,
    cast(sum(case when month_states.balance < 0 then 1 else 0 end) as {{ dbt.type_bigint() }}) as negative_clients,
    cast(sum(case when month_states.balance < 0 then month_states.balance else 0 end) as {{ type_money() }}) as negative_balance
from month_states
inner join clients on month_states.client_id = clients.client_id
where month_states.to_month is null or month_states.from_month <= month_states.to_month
group by
    clients.client_type,
    clients.currency,
    month_states.from_month,
    month_states.to_month,
    month_states.last_paid_month
