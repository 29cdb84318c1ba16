{{ config(incremental_strategy='replace_all') }}
{%- set changed_clients = ref('int_changed_clients') -%}
{%- set last_facts = source('last_build', 'client_events') -%}
{%- set clients = ref('stg_billing__clients') -%}
{%- set transactions = ref('stg_billing__transactions') -%}

{% if not is_incremental() %}
{{ get_empty_schema_sql(model.columns) }} where false
{% else %}
with

changed as (
    select
        *,
        coalesce(since, '-infinity') as rebuilt_from
    from {{ changed_clients }}
),

-- Rows are found client by client (`offset 0`), here and in `events`. The planner expects a third
-- of all rows after an unknown instant, and would read whole tables.
replaced as (
    select found.*
    from changed
    cross join lateral (
        select * from {{ last_facts }} as facts
        where facts.client_id = changed.client_id and facts.occurred_at >= changed.rebuilt_from
        offset 0
    ) as found
),

events as (
    -- The state before the first rebuilt event, as if it were an event.
    select
        client_id,
        cast('-infinity' as timestamptz) as occurred_at,
        '' as transaction_id,
        'opening' as kind,
        '' as package_id,
        balance as amount,
        last_paid_at as paid_at
    from changed
    where balance is not null
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
        on changed.client_id = created.client_id and created.created_at >= changed.rebuilt_from
    union all
    select
        moved.client_id,
        moved.occurred_at,
        moved.transaction_id,
        moved.kind,
        coalesce(moved.package_id, '') as package_id,
        moved.amount,
        case when {{ is_paid_service('moved') }} then moved.occurred_at end as paid_at
    from changed
    cross join lateral (
        select * from {{ transactions }} as transactions
        where transactions.client_id = changed.client_id and transactions.occurred_at >= changed.rebuilt_from
        offset 0
    ) as moved
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
        case when states.occurred_at >= clients.created_at then 1 else 0 end as created,
        states.is_first,
        states.is_first_paid
    from states
    inner join {{ clients }} as clients on states.client_id = clients.client_id
    where states.kind <> 'opening'
)

select *, -1 as sign from replaced
union all
select *, 1 as sign from rebuilt
{% endif %}
