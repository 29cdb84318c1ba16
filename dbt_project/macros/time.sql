{# Time in UTC, whatever the session's zone is. One macro an engine: the models stay portable. #}

{% macro utc_date(instant) %}{{ return(adapter.dispatch('utc_date')(instant)) }}{% endmacro %}
{% macro default__utc_date(instant) %}cast({{ instant }} at time zone 'UTC' as date){% endmacro %}
{% macro spark__utc_date(instant) %}cast({{ instant }} as date){% endmacro %}

{# The first instant of the UTC month that `instant` is in. #}
{% macro utc_month(instant) %}{{ return(adapter.dispatch('utc_month')(instant)) }}{% endmacro %}
{% macro default__utc_month(instant) %}date_trunc('month', {{ instant }}, 'UTC'){% endmacro %}
{% macro spark__utc_month(instant) %}date_trunc('month', {{ instant }}){% endmacro %}

{# The first instant of the UTC month after the one that `instant` is in. #}
{% macro next_utc_month(instant) %}{{ return(adapter.dispatch('next_utc_month')(instant)) }}{% endmacro %}
{% macro default__next_utc_month(instant) -%}
    (date_trunc('month', {{ instant }} at time zone 'UTC') + interval '1 month') at time zone 'UTC'
{%- endmacro %}
{% macro spark__next_utc_month(instant) %}add_months(date_trunc('month', {{ instant }}), 1){% endmacro %}
