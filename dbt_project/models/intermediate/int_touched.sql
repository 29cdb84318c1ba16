{{ config(indexes=[{'columns': ['client_id'], 'unique': true}]) }}
{#- Reads fct_client_events as it was before this build, which ref() cannot say: that model comes after this one. -#}
{%- set events = as_built_before('fct_client_events') -%}

with

touched as (
    select * from {{ source('build', 'touched') }}
){{ ',' if events }}
{% if events %}
-- The last event before the change is made anew as well: it lasts until the next one, which may be another now.
anchored as (
    select
        client_id,
        client_changed,
        (
            select max(occurred_at) from {{ events }} as events
            where events.client_id = touched.client_id and events.occurred_at < touched.since
        ) as since
    from touched
),

before_it as (
    select
        client_id,
        client_changed,
        since,
        (
            select max(occurred_at) from {{ events }} as events
            where events.client_id = anchored.client_id and events.occurred_at < anchored.since
        ) as occurred_at
    from anchored
)

select
    before_it.client_id,
    before_it.since,
    before_it.client_changed,
    coalesce(events.balance, 0) as balance,
    events.last_paid_at,
    events.client_id is null as is_new
from before_it
-- Of several events at one instant, the last is the one that lasts.
left join {{ events }} as events
    on
        before_it.client_id = events.client_id
        and before_it.occurred_at = events.occurred_at
        and before_it.since = events.valid_to
{% else %}
select
    client_id,
    since,
    client_changed,
    cast(0 as {{ type_money() }}) as balance,
    cast(null as {{ type_instant() }}) as last_paid_at,
    true as is_new
from touched
{% endif %}
