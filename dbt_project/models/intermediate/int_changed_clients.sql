{{ config(incremental_strategy='replace_all', indexes=[{'columns': ['client_id'], 'unique': true}]) }}
{%- set changed_clients = source('change_log', 'changed_clients') -%}
{%- set last_facts = source('last_build', 'client_events') -%}

{% if not is_incremental() %}
{{ get_empty_schema_sql(model.columns) }} where false
{% else %}
with

changed as (
    select * from {{ changed_clients }}
),

-- The last event before the change is rebuilt as well: its state ends at the next event, which may
-- be another now.
anchored as (
    select
        changed.client_id,
        changed.client_changed,
        case when changed.since = 'infinity' then changed.since else anchor.occurred_at end as since
    from changed
    left join lateral (
        select facts.occurred_at
        from {{ last_facts }} as facts
        where facts.client_id = changed.client_id and facts.occurred_at < changed.since
        order by facts.occurred_at desc
        limit 1
    ) as anchor on true
),

-- Of several events at one instant, only the last has a state that lasts until the anchor.
opened as (
    select
        anchored.client_id,
        anchored.since,
        anchored.client_changed,
        before_anchor.balance,
        before_anchor.last_paid_at
    from anchored
    left join lateral (
        select
            facts.balance,
            facts.last_paid_at
        from {{ last_facts }} as facts
        where
            facts.client_id = anchored.client_id
            and facts.occurred_at < anchored.since
            and facts.valid_to = anchored.since
        order by facts.occurred_at desc
        limit 1
    ) as before_anchor on true
)

select * from opened
{% endif %}
