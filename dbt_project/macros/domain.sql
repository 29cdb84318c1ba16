{# Return the UTC date of an instant. An interval of zero is faster than the name of a time zone. #}
{% macro utc_date(instant) -%} cast({{ instant }} at time zone interval '0 hours' as date) {%- endmacro %}

{# Return true for a charge for a service. Free services and credits do not make a client active
   (definition: Cohorts). #}
{% macro is_paid_service(event) -%}
    {{ event }}.kind in ('usage', 'package_activation', 'package_renewal') and {{ event }}.amount < 0
{%- endmacro %}

{# Return the states of the clients whose events are in `events`, one row per event. Events of one
   instant are ordered by transaction id, byte by byte, so that the order does not depend on the
   collation of the database. #}
{% macro client_states(events) -%}
    select
        *,
        lead(occurred_at) over client_events as valid_to,
        sum(amount) over client_events as balance,
        max(paid_at) over client_events as last_paid_at,
        row_number() over client_events = 1 as is_first,
        paid_at is not null and count(paid_at) over client_events = 1 as is_first_paid
    from {{ events }}
    window client_events as (
        partition by client_id
        order by occurred_at, transaction_id collate "C"
        rows between unbounded preceding and current row
    )
{%- endmacro %}

{# Return the names of the measures of a cohort. Each measure is a sum over the clients. #}
{% macro cohort_measures() %}
{{ return([
    'created_clients', 'clients', 'positive_clients', 'positive_balance', 'negative_clients', 'negative_balance'
]) }}
{% endmacro %}

{# Return the first date of the period that contains a date. `unit` is date, month or year. #}
{% macro first_date(date, unit) -%}
    {%- if unit == 'date' -%} {{ date }}
    {%- else -%} cast(date_trunc('{{ unit }}', cast({{ date }} as timestamp)) as date)
    {%- endif -%}
{%- endmacro %}

{# Return the first period in which a client that last paid on the date `paid_on` is not active, with
   the default active duration of three months (definition: Active duration). The first date of the
   period stands for the period.

   A client is active on day d if d minus three months, clamped to the end of that month, is not after
   `paid_on`. For example, a client that paid on 29 November is active until 28 February, and one that
   paid on 28 February until 31 May. `greatest` covers both cases. #}
{% macro first_lapsed_period(paid_on, unit) -%}
    {%- if unit == 'date' -%}
    cast(greatest(
        {{ paid_on }} + interval '3 months' + interval '1 day',
        {{ paid_on }} + interval '1 day' + interval '3 months'
    ) as date)
    {%- elif unit == 'month' -%}
    cast(date_trunc('month', cast({{ paid_on }} as timestamp)) + interval '4 months' as date)
    {%- else -%}
    cast(date_trunc('year', {{ paid_on }} + interval '3 months') + interval '1 year' as date)
    {%- endif -%}
{%- endmacro %}
