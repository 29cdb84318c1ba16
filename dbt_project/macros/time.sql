{# Time in UTC, whatever the session's zone is. One macro an engine: the models stay portable. #}

{% macro utc_date(instant) %}{{ return(adapter.dispatch('utc_date')(instant)) }}{% endmacro %}
{% macro default__utc_date(instant) %}cast({{ instant }} at time zone 'UTC' as date){% endmacro %}
{% macro spark__utc_date(instant) %}cast({{ instant }} as date){% endmacro %}
