{{ config(indexes=[
    {'columns': ['client_id', 'valid_from'], 'unique': true},
    {'columns': ['client_type', 'valid_from']},
]) }}

with

changes as (
    select * from {{ ref('int_client_changes') }}
),

clients as (
    select * from {{ ref('fct_clients') }}
),

states as (
    select
        client_id,
        occurred_at as valid_from,
        lead(occurred_at) over (partition by client_id order by occurred_at) as valid_to,
        cast(sum(amount) over (partition by client_id order by occurred_at) as {{ type_money() }}) as balance,
        max(paid_at) over (partition by client_id order by occurred_at) as last_paid_at,
        max(created) over (partition by client_id order by occurred_at) as created,
        amount,
        created as created_now,
        row_number() over (partition by client_id order by occurred_at) as ordinal
    from changes
)

select
    states.client_id,
    clients.client_type,
    clients.currency,
    states.valid_from,
    states.valid_to,
    states.balance,
    states.last_paid_at,
    states.created,
    cast(states.balance - states.amount as {{ type_money() }}) as previous_balance,
    lag(states.last_paid_at) over (partition by states.client_id order by states.valid_from) as previous_paid_at,
    states.created - states.created_now as previous_created,
    states.ordinal = 1 as is_first
from states
inner join clients on states.client_id = clients.client_id
