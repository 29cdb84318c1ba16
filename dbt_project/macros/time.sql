{# Time in UTC, whatever the session's zone is. One macro an engine: the models stay portable. #}

{% macro utc_date(instant) %}{{ return(adapter.dispatch('utc_date')(instant)) }}{% endmacro %}
{# No hours from UTC, since a zone by its name is looked up for each of ten million instants: 0.1 s instead of 0.6. #}
{% macro default__utc_date(instant) %}cast({{ instant }} at time zone interval '0 hours' as date){% endmacro %}
{% macro spark__utc_date(instant) %}cast({{ instant }} as date){% endmacro %}

{# The instant at which the UTC month of an instant began. #}
{% macro utc_month(instant) %}{{ return(adapter.dispatch('utc_month')(instant)) }}{% endmacro %}
{% macro default__utc_month(instant) %}date_trunc('month', {{ instant }}, 'UTC'){% endmacro %}
{% macro spark__utc_month(instant) %}date_trunc('month', {{ instant }}){% endmacro %}

{# The instant at which a UTC date began. #}
{% macro utc_midnight(day) %}{{ return(adapter.dispatch('utc_midnight')(day)) }}{% endmacro %}
{% macro default__utc_midnight(day) %}cast({{ day }} as timestamp) at time zone 'UTC'{% endmacro %}
{% macro spark__utc_midnight(day) %}cast({{ day }} as timestamp){% endmacro %}

{# An instant after all others. #}
{% macro never() %}{{ return(adapter.dispatch('never')()) }}{% endmacro %}
{% macro default__never() %}cast('infinity' as {{ type_instant() }}){% endmacro %}
{% macro spark__never() %}cast('9999-12-31' as timestamp){% endmacro %}

{# An instant before all others. #}
{% macro long_ago() %}{{ return(adapter.dispatch('long_ago')()) }}{% endmacro %}
{% macro default__long_ago() %}cast('-infinity' as {{ type_instant() }}){% endmacro %}
{% macro spark__long_ago() %}cast('0001-01-01' as timestamp){% endmacro %}

{# The UTC hour of an event, by which the facts are indexed: a sixth of the size of an index by instant. The statements of the
   reports look events up by just this expression (`reporting/sql/event_hour.sql`). #}
{% macro event_hour() -%} date_bin('1 hour', occurred_at, '2000-01-01 00:00:00+00'::timestamptz) {%- endmacro %}
