-- Grain: one row per event that fct_client_events loses (sign -1) or gains (sign 1). Empty in a
-- full build.
{{ config(incremental_strategy='replace_all') }}
{%- set changed_clients = ref('int_changed_clients') -%}
{%- set last_facts = source('last_build', 'client_events') -%}
{%- set clients = ref('stg_billing__clients') -%}
{%- set transactions = ref('stg_billing__transactions') %}

{% if not is_incremental() %}
{{ get_empty_schema_sql(model.columns) }} where false
{% else %}
with

changed as (
    select
        client_id,
        coalesce(rebuild_from, '-infinity') as rebuild_from,
        opening_balance,
        opening_last_paid_at
    from {{ changed_clients }}
),

-- `offset 0` makes Postgres look up the rows of one client after the other, here and in `events`.
-- The planner does not know rebuild_from. It would expect many rows and read whole tables.
superseded as (
    select client_facts.*
    from changed
    cross join lateral (
        select * from {{ last_facts }} as facts
        where facts.client_id = changed.client_id and facts.occurred_at >= changed.rebuild_from
        offset 0
    ) as client_facts
),

events as (
    -- The state before the first rebuilt event takes part in the running sums as an event.
    select
        client_id,
        cast('-infinity' as timestamptz) as occurred_at,
        '' as transaction_id,
        'opening' as kind,
        '' as package_id,
        opening_balance as amount,
        opening_last_paid_at as paid_at
    from changed
    where opening_balance is not null
    union all
    select
        created.client_id,
        created.created_at,
        '' as transaction_id,
        'created' as kind,
        '' as package_id,
        0 as amount,
        null as paid_at
    from changed
    inner join {{ clients }} as created
        on changed.client_id = created.client_id and created.created_at >= changed.rebuild_from
    union all
    select
        client_transactions.client_id,
        client_transactions.occurred_at,
        client_transactions.transaction_id,
        client_transactions.kind,
        coalesce(client_transactions.package_id, '') as package_id,
        client_transactions.amount,
        case
            when {{ is_paid_service('client_transactions') }} then client_transactions.occurred_at
        end as paid_at
    from changed
    cross join lateral (
        select * from {{ transactions }} as transactions
        where transactions.client_id = changed.client_id and transactions.occurred_at >= changed.rebuild_from
        offset 0
    ) as client_transactions
),

states as (
    {{ client_states('events') }}
),

rebuilt as (
    select
        states.client_id,
        clients.client_type,
        clients.currency,
        states.occurred_at,
        states.valid_to,
        states.transaction_id,
        states.kind,
        states.package_id,
        cast(states.amount as numeric(20, 6)) as amount,
        cast(states.balance as numeric(38, 6)) as balance,
        states.last_paid_at,
        states.occurred_at >= clients.created_at as is_created,
        states.is_first,
        states.is_first_paid
    from states
    inner join {{ clients }} as clients on states.client_id = clients.client_id
    where states.kind <> 'opening'
)

select *, -1 as sign from superseded
union all
select *, 1 as sign from rebuilt
{% endif %}
