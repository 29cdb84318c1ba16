{# Return the UTC date of an instant. An interval of zero is faster than a zone that is looked up by
   name. #}
{% macro utc_date(instant) -%} cast({{ instant }} at time zone interval '0 hours' as date) {%- endmacro %}

{# Return true for a charge for a service. Free services and credits do not make a client active
   (spec 5). #}
{% macro is_paid_service(event) -%}
    {{ event }}.kind in ('usage', 'package_activation', 'package_renewal') and {{ event }}.amount < 0
{%- endmacro %}

{# Return the states of the clients whose events are in `events`, one row an event. Events of one
   instant are ordered by transaction id, byte by byte: the order must not depend on the collation
   of the database. #}
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

{# Return the measures of a cohort. Each is a sum over its clients. #}
{% macro cohort_measures() %}
{{ return([
    'created_clients', 'clients', 'positive_clients', 'positive_balance', 'negative_clients', 'negative_balance'
]) }}
{% endmacro %}

{# Return the first date of the period (date, month or year) that a date is in. #}
{% macro first_date(date, unit) -%}
    {%- if unit == 'date' -%} {{ date }}
    {%- else -%} cast(date_trunc('{{ unit }}', cast({{ date }} as timestamp)) as date)
    {%- endif -%}
{%- endmacro %}

{# Return the first period in which a client that last paid on `paid_on` is not active, with the
   default active duration of three months (spec 5). The period is named by its first date.

   A day d counts when its date three months earlier, clamped to the end of that month, is not after
   `paid_on`. After 29 November that holds until 28 February, after 28 February until 31 May.
   `greatest` covers both. #}
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
