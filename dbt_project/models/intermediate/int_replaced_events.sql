{#- Reads fct_client_events as it was before this build: what the build takes away there, the marts take away too. -#}
{%- set events = as_built_before('fct_client_events') -%}
{% if events %}
{{ rows_of_touched(events, 'occurred_at') }}
{% else %}
select client_id from {{ ref('int_touched') }} where 1 = 0
{% endif %}
