{#- Reads fct_client_events as it was before this build: what the build takes away there, the marts take away too. -#}
{%- set events = as_built_before('fct_client_events') -%}
{% if events %}
select replaced.*
from {{ ref('int_touched') }} as touched
-- Looked up client by client (`offset 0`): how little lies after an instant the planner does not know, and it would read
-- all of the facts for it.
cross join lateral (
    select * from {{ events }} as events
    where events.client_id = touched.client_id and {{ is_replaced('events.occurred_at') }}
    offset 0
) as replaced
{% else %}
select client_id from {{ ref('int_touched') }} where 1 = 0
{% endif %}
