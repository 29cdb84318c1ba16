{{ config(
    incremental_strategy='add',
    unique_key=['cohort', 'client_type', 'currency', 'utc_date'],
    indexes=[{'columns': ['cohort', 'client_type', 'currency', 'utc_date'], 'unique': true}],
) }}
{%- set changed_events = ref('int_changed_events') -%}
{%- set events = ref('fct_client_events') %}

with

-- A state is true at the end of the UTC days from_date to to_date - 1.
states as not materialized (
    select
        client_type,
        currency,
        {{ utc_date('occurred_at') }} as from_date,
        {{ utc_date('valid_to') }} as to_date,
        {{ utc_date('last_paid_at') }} as paid_on,
        created,
        balance,
        {{ 'sign' if is_incremental() else 1 }} as sign
    from {{ changed_events if is_incremental() else events }}
),

-- What joins the sums at the first of these dates and leaves them at the last, in two cohorts at once.
totals as (
    select
        states.client_type,
        states.currency,
        ends.utc_date,
        ends.sign,
        states.paid_on is not null as has_paid,
        states.created,
        sign(states.balance) as side,
        count(*) as clients,
        sum(states.balance) as balance
    from states
    cross join lateral (values (from_date, sign), (to_date, -sign)) as ends (utc_date, sign)
    where from_date is distinct from to_date and ends.utc_date is not null
    group by 1, 2, 3, 4, 5, 6, 7
),

-- Only states in a long pause can lapse. Three months have at least 89 days.
pauses as (
    select * from states
    where paid_on + 89 < coalesce(to_date, 'infinity')
),

lapses as (
    {%- for unit in ('date', 'month', 'year') %}
    select
        'lapsed_by_{{ unit }}' as cohort,
        client_type,
        currency,
        greatest(
            cast(date_trunc('{{ 'day' if unit == 'date' else unit }}', cast(from_date as timestamp)) as date),
            {{ first_lapsed_period(unit, 'paid_on') }}
        ) as from_date,
        cast(date_trunc('{{ 'day' if unit == 'date' else unit }}', cast(to_date as timestamp)) as date) as to_date,
        created,
        balance,
        sign
    from pauses
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

lapsed as (
    select
        lapses.cohort,
        lapses.client_type,
        lapses.currency,
        ends.utc_date,
        ends.sign,
        lapses.created,
        sign(lapses.balance) as side,
        count(*) as clients,
        sum(lapses.balance) as balance
    from lapses
    cross join lateral (values (from_date, sign), (to_date, -sign)) as ends (utc_date, sign)
    where from_date < coalesce(to_date, 'infinity') and ends.utc_date is not null
    group by 1, 2, 3, 4, 5, 6, 7
),

cohorts as (
    select 'all' as cohort, client_type, currency, utc_date, sign, created, side, clients, balance
    from totals
    union all
    select 'overall_active' as cohort, client_type, currency, utc_date, sign, created, side, clients, balance
    from totals
    where has_paid
    union all
    select * from lapsed
),

changes as (
    select
        cohort,
        client_type,
        currency,
        utc_date,
        cast(sum(sign * clients * created) as bigint) as created_clients,
        cast(sum(sign * clients) as bigint) as clients,
        cast(coalesce(sum(sign * clients) filter (where side > 0), 0) as bigint) as positive_clients,
        cast(coalesce(sum(sign * balance) filter (where side > 0), 0) as numeric(38, 6)) as positive_balance,
        cast(coalesce(sum(sign * clients) filter (where side < 0), 0) as bigint) as negative_clients,
        cast(coalesce(sum(sign * balance) filter (where side < 0), 0) as numeric(38, 6)) as negative_balance
    from cohorts
    group by cohort, client_type, currency, utc_date
)

select * from changes
where {{ cohort_measures() | join(' <> 0 or ') }} <> 0
