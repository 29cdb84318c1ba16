{# The events that a build adds to the facts: all of them, or those that it makes anew. `whole` is the model that has all: what
   needs no state reads int_events, and is made while the facts are. #}
{% macro added_events(whole='fct_client_events') -%}
    {{ ref('int_renewed_events') if is_incremental() else ref(whole) }}
{%- endmacro %}

{# The events that a build adds, and in an incremental one those that it takes away, with `sign` 1 and -1. #}
{% macro changed_events(whole='fct_client_events') -%}
    select events.*, 1 as sign
    from {{ added_events(whole) }} as events
    {%- if is_incremental() %}
    union all
    select replaced.*, -1 as sign
    from {{ ref('int_replaced_events') }} as replaced
    {%- endif -%}
{%- endmacro %}

{# An amount of `changed_events`, negative where the event is taken away; in a full build none is. #}
{% macro signed(amount) -%}
    {%- if is_incremental() %} case when sign = 1 then {{ amount }} else -({{ amount }}) end {% else %}{{ amount }}{% endif -%}
{%- endmacro %}

{# The events of the months that a build makes anew, without their states: all of them, or those of repriced clients, of whom
   `only_if` is true. What was before a client's renewed events is in the facts as it was and will be, so that nobody waits
   until those are in as well. #}
{% macro repriced_events(only_if=none) -%}
    {%- set columns = 'client_id, currency, occurred_at, utc_date, kind, package_id, amount' -%}
    {%- if is_incremental() -%}
    (
        {{ rows_of_touched(
            as_built_before('fct_client_events'), 'occurred_at', columns, touched='int_repriced', only_if=only_if, until='renewed_since'
        ) }}
        union all
        select {{ columns }} from {{ ref('int_renewed_events') }}
        {%- if only_if %}
        where client_id in (select client_id from {{ ref('int_repriced') }} where {{ only_if }})
        {%- endif %}
    )
    {%- else -%}
    {{ ref('int_events') }}
    {%- endif -%}
{%- endmacro %}

{# Whether an event begins a state in which a client can lapse; one that another event of the same instant follows begins none. #}
{% macro is_lapse(event) -%}
    {{ event }}.last_paid_at is not null
    and ({{ event }}.valid_to is null or {{ event }}.valid_to > {{ shortest_lapse(event ~ '.last_paid_at') }})
    and ({{ event }}.valid_to is null or {{ event }}.valid_to > {{ event }}.occurred_at)
{%- endmacro %}
