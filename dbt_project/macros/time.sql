{# Time in UTC, whatever the session's zone is. One macro an engine: the models stay portable. #}

{% macro utc_date(instant) %}{{ return(adapter.dispatch('utc_date')(instant)) }}{% endmacro %}
{% macro default__utc_date(instant) %}cast({{ instant }} at time zone 'UTC' as date){% endmacro %}
{% macro spark__utc_date(instant) %}cast({{ instant }} as date){% endmacro %}

{# The instant at which the UTC month of an instant began. #}
{% macro utc_month(instant) %}{{ return(adapter.dispatch('utc_month')(instant)) }}{% endmacro %}
{% macro default__utc_month(instant) %}date_trunc('month', {{ instant }}, 'UTC'){% endmacro %}
{% macro spark__utc_month(instant) %}date_trunc('month', {{ instant }}){% endmacro %}

{# The instant at which the UTC month after one began: no month has 32 days, nor has the next one ended by then. #}
{% macro next_utc_month(month_began) %}{{ utc_month(dbt.dateadd('day', 32, month_began)) }}{% endmacro %}

{# The instant at which a UTC date began. #}
{% macro utc_midnight(day) %}{{ return(adapter.dispatch('utc_midnight')(day)) }}{% endmacro %}
{% macro default__utc_midnight(day) %}cast({{ day }} as timestamp) at time zone 'UTC'{% endmacro %}
{% macro spark__utc_midnight(day) %}cast({{ day }} as timestamp){% endmacro %}
