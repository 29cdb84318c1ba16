{{ config(indexes=[{'columns': ['client_id'], 'unique': true}]) }}
{#- Reads fct_client_events as it was before this build, which ref() cannot say: that model comes after this one. -#}
{%- set events = as_built_before('fct_client_events') -%}

{% if events %}
select
    touched.client_id,
    anchored.occurred_at as since,
    touched.client_changed,
    coalesce(before_it.balance, 0) as balance,
    before_it.last_paid_at,
    before_it.balance is null as is_new
from {{ source('build', 'touched') }} as touched
-- The last event before the change is made anew as well: it lasts until the next one, which may be another now.
left join lateral (
    select occurred_at from {{ events }} as events
    where events.client_id = touched.client_id and events.occurred_at < touched.since
    order by occurred_at desc
    limit 1
) as anchored on true
-- Of several events at one instant, the last is the one that lasts.
left join lateral (
    select
        balance,
        last_paid_at
    from {{ events }} as events
    where
        events.client_id = touched.client_id
        and events.occurred_at < anchored.occurred_at
        and events.valid_to = anchored.occurred_at
    order by events.occurred_at desc
    limit 1
) as before_it on true
{% else %}
select
    client_id,
    since,
    client_changed,
    cast(0 as {{ type_money() }}) as balance,
    cast(null as {{ type_instant() }}) as last_paid_at,
    true as is_new
from {{ source('build', 'touched') }}
{% endif %}
