-- Grain: one row per cohort, client type, currency and UTC date on which the cohort changed.
{{ config(
    incremental_strategy='add_deltas',
    unique_key=['cohort', 'client_type', 'currency', 'utc_date'],
    indexes=[{'columns': ['cohort', 'client_type', 'currency', 'utc_date'], 'unique': true}],
) }}
{%- set changed_events = ref('int_changed_events') -%}
{%- set facts = ref('fct_client_events') %}

with

events as not materialized (
    select
        *,
        {% if not is_incremental() %}1 as sign,{% endif %}
        {{ utc_date('occurred_at') }} as utc_date
    from {{ changed_events if is_incremental() else facts }}
),

-- The change that each event makes: the state after it minus the state before it. The balance
-- before an event is balance - amount.
event_changes as (
    select
        client_type,
        currency,
        utc_date,
        sign,
        last_paid_at is not null as has_paid,
        count(*) filter (where kind = 'created') as created_clients,
        count(*) filter (where is_first) as clients,
        sum(cast(balance > 0 as integer) - cast(balance > amount as integer)) as positive_clients,
        sum(
            case
                when balance > 0 and balance > amount then amount
                when balance > 0 then balance
                when balance > amount then amount - balance
                else 0
            end
        ) as positive_balance,
        sum(cast(balance < 0 as integer) - cast(balance < amount as integer)) as negative_clients,
        sum(amount) as balance
    from events
    group by client_type, currency, utc_date, sign, last_paid_at is not null
),

-- A client joins overall_active with its first paid service. The state before that event joins too.
joining_states as (
    select
        client_type,
        currency,
        utc_date,
        sign,
        count(*) filter (where is_created) as created_clients,
        count(*) filter (where not is_first) as clients,
        count(*) filter (where balance > amount) as positive_clients,
        coalesce(sum(balance - amount) filter (where balance > amount), 0) as positive_balance,
        count(*) filter (where balance < amount) as negative_clients,
        sum(balance - amount) as balance
    from events
    where is_first_paid
    group by client_type, currency, utc_date, sign
),

-- States in which the client can have lapsed: the last paid service is three months (at least 89
-- days) old before the state ends.
pauses as (
    select
        client_type,
        currency,
        utc_date as from_date,
        {{ utc_date('valid_to') }} as to_date,
        {{ utc_date('last_paid_at') }} as paid_on,
        is_created,
        balance,
        sign
    from events
    where last_paid_at + interval '2136 hours' < coalesce(valid_to, 'infinity')
),

-- A lapse counts in all periods from from_date on and before to_date.
lapses as (
    {%- for unit in ('date', 'month', 'year') %}
    select
        'lapsed_by_{{ unit }}' as cohort,
        client_type,
        currency,
        greatest({{ first_date('from_date', unit) }}, {{ first_lapsed_period('paid_on', unit) }}) as from_date,
        {{ first_date('to_date', unit) }} as to_date,
        is_created,
        balance,
        sign
    from pauses
    {{ 'union all' if not loop.last }}
    {%- endfor %}
),

lapse_changes as (
    select
        lapses.cohort,
        lapses.client_type,
        lapses.currency,
        boundaries.utc_date,
        boundaries.sign,
        count(*) filter (where is_created) as created_clients,
        count(*) as clients,
        count(*) filter (where balance > 0) as positive_clients,
        coalesce(sum(balance) filter (where balance > 0), 0) as positive_balance,
        count(*) filter (where balance < 0) as negative_clients,
        sum(balance) as balance
    from lapses
    cross join lateral (values (from_date, sign), (to_date, -sign)) as boundaries (utc_date, sign)
    where from_date < coalesce(to_date, 'infinity') and boundaries.utc_date is not null
    group by lapses.cohort, lapses.client_type, lapses.currency, boundaries.utc_date, boundaries.sign
),

cohorts as (
    {%- set sums = 'created_clients, clients, positive_clients, positive_balance, negative_clients, balance' %}
    select 'all' as cohort, client_type, currency, utc_date, sign, {{ sums }} from event_changes
    union all
    select 'overall_active' as cohort, client_type, currency, utc_date, sign, {{ sums }} from event_changes
    where has_paid
    union all
    select 'overall_active' as cohort, client_type, currency, utc_date, sign, {{ sums }} from joining_states
    union all
    select cohort, client_type, currency, utc_date, sign, {{ sums }} from lapse_changes
),

changes as (
    select
        cohort,
        client_type,
        currency,
        utc_date,
        cast(sum(sign * created_clients) as bigint) as created_clients,
        cast(sum(sign * clients) as bigint) as clients,
        cast(sum(sign * positive_clients) as bigint) as positive_clients,
        cast(sum(sign * positive_balance) as numeric(38, 6)) as positive_balance,
        cast(sum(sign * negative_clients) as bigint) as negative_clients,
        cast(sum(sign * (balance - positive_balance)) as numeric(38, 6)) as negative_balance
    from cohorts
    group by cohort, client_type, currency, utc_date
)

select * from changes
where {{ cohort_measures() | join(' <> 0 or ') }} <> 0
