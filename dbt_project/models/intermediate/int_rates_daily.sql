with

days as (
    select
        currency,
        utc_date
    from {{ ref('mart_flows_daily') }}
    union distinct
    select
        currency,
        {{ utc_date('created_at') }} as utc_date
    from {{ ref('fct_clients') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

-- The month comes with the day: to find it for each of millions of events would take longer than to look it up.
months as (
    select
        days.*,
        {{ utc_month(utc_midnight('days.utc_date')) }} as utc_month
    from days
)

select
    months.currency,
    months.utc_date,
    months.utc_month,
    {{ next_utc_month('months.utc_month') }} as next_utc_month,
    case when months.currency = {{ base_currency() }} then 1 else (
        select rates.rate from rates
        where rates.currency = months.currency and rates.valid_from <= months.utc_date
        order by rates.valid_from desc
        limit 1
    ) end as rate
from months
