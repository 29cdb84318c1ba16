-- Grain: one row per client that an incremental build rebuilds. Empty in a full build.
{{ config(incremental_strategy='replace_all', indexes=[{'columns': ['client_id'], 'unique': true}]) }}
{%- set changed_clients = source('change_log', 'changed_clients') -%}
{%- set last_facts = source('last_build', 'client_events') %}

{% if not is_incremental() %}
{{ get_empty_schema_sql(model.columns) }} where false
{% else %}
with

changed as (
    select * from {{ changed_clients }}
),

-- The last event before the change is rebuilt too. Its state ends at the next event, which can be
-- another one now.
rebuilt_clients as (
    select
        changed.client_id,
        changed.attributes_changed,
        case
            when changed.changed_from = 'infinity' then changed.changed_from
            else last_event.occurred_at
        end as rebuild_from
    from changed
    left join lateral (
        select facts.occurred_at
        from {{ last_facts }} as facts
        where facts.client_id = changed.client_id and facts.occurred_at < changed.changed_from
        order by facts.occurred_at desc
        limit 1
    ) as last_event on true
),

-- The opening state is the state with valid_to = rebuild_from. If events share an instant, only the
-- last of them has this state.
opening_states as (
    select
        rebuilt_clients.client_id,
        rebuilt_clients.rebuild_from,
        rebuilt_clients.attributes_changed,
        previous_event.balance as opening_balance,
        previous_event.last_paid_at as opening_last_paid_at
    from rebuilt_clients
    left join lateral (
        select
            facts.balance,
            facts.last_paid_at
        from {{ last_facts }} as facts
        where
            facts.client_id = rebuilt_clients.client_id
            and facts.occurred_at < rebuilt_clients.rebuild_from
            and facts.valid_to = rebuilt_clients.rebuild_from
        order by facts.occurred_at desc
        limit 1
    ) as previous_event on true
)

select * from opening_states
{% endif %}
