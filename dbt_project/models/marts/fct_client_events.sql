-- Grain: one row per event of a client, with the state of the client after it.
{{ config(
    incremental_strategy='replace_changed_events',
    indexes=[{'columns': ['client_id', 'occurred_at']}],
    meta={'statistics': [utc_date('occurred_at')]},
) }}
{%- set changed_events = ref('int_changed_events') -%}
{%- set clients = ref('stg_billing__clients') -%}
{%- set transactions = ref('stg_billing__transactions') %}

{% if is_incremental() %}
select
    client_id,
    client_type,
    currency,
    occurred_at,
    valid_to,
    transaction_id,
    kind,
    package_id,
    amount,
    balance,
    last_paid_at,
    is_created,
    is_first,
    is_first_paid
from {{ changed_events }}
where sign = 1
{% else %}
with

-- Do not move the clients into a shared CTE: the planner would not know that client_id is unique.
events as (
    select
        client_id,
        created_at as occurred_at,
        '' as transaction_id,
        'created' as kind,
        '' as package_id,
        cast(0 as numeric(20, 6)) as amount,
        null as paid_at
    from {{ clients }}
    union all
    select
        client_id,
        occurred_at,
        transaction_id,
        kind,
        coalesce(package_id, '') as package_id,
        amount,
        case when {{ is_paid_service('transactions') }} then occurred_at end as paid_at
    from {{ transactions }} as transactions
),

states as (
    {{ client_states('events') }}
)

select
    states.client_id,
    clients.client_type,
    clients.currency,
    states.occurred_at,
    states.valid_to,
    states.transaction_id,
    states.kind,
    states.package_id,
    states.amount,
    cast(states.balance as numeric(38, 6)) as balance,
    states.last_paid_at,
    states.occurred_at >= clients.created_at as is_created,
    states.is_first,
    states.is_first_paid
from states
inner join {{ clients }} as clients on states.client_id = clients.client_id
{% endif %}
