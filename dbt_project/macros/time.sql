{# Time in UTC, whatever the session's zone is. One macro an engine: the models stay portable. #}

{% macro utc_date(instant) %}{{ return(adapter.dispatch('utc_date')(instant)) }}{% endmacro %}
{% macro default__utc_date(instant) %}cast({{ instant }} at time zone 'UTC' as date){% endmacro %}
{% macro spark__utc_date(instant) %}cast({{ instant }} as date){% endmacro %}

{# The instant at which the UTC month of an instant began. #}
{% macro utc_month(instant) %}{{ return(adapter.dispatch('utc_month')(instant)) }}{% endmacro %}
{% macro default__utc_month(instant) %}date_trunc('month', {{ instant }}, 'UTC'){% endmacro %}
{% macro spark__utc_month(instant) %}date_trunc('month', {{ instant }}){% endmacro %}
