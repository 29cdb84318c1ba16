{# The events that a build adds, and in an incremental one those that it takes away, with `sign` 1 and -1. #}
{% macro changed_events() -%}
    {%- if is_incremental() -%}
    select events.*, 1 as sign
    from {{ ref('fct_client_events') }} as events
    inner join {{ ref('int_touched') }} as touched
        on events.client_id = touched.client_id and {{ is_replaced('events.occurred_at') }}
    union all
    select replaced.*, -1 as sign
    from {{ ref('int_replaced_events') }} as replaced
    {%- else -%}
    select events.*, 1 as sign
    from {{ ref('fct_client_events') }} as events
    {%- endif -%}
{%- endmacro %}

{# An amount of `changed_events`, negative where the event is taken away. #}
{% macro signed(amount) -%} case when sign = 1 then {{ amount }} else -({{ amount }}) end {%- endmacro %}
