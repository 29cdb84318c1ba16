{#- Reads fct_client_events as it was before this build: what the build takes away there, the marts take away too. -#}
{%- set events = as_built_before('fct_client_events') -%}

with

touched as (
    select * from {{ ref('int_touched') }}
)
{% if events %}
select events.*
from {{ events }} as events
inner join touched on events.client_id = touched.client_id
where {{ is_replaced('events.occurred_at') }}
{% else %}
select client_id from touched where 1 = 0
{% endif %}
