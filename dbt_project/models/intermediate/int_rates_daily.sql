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
    from {{ ref('stg_billing__clients') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
)

select
    days.currency,
    days.utc_date,
    -- The month comes with the day: to find it for each of millions of events would take longer than to look it up.
    {{ utc_month(utc_midnight('days.utc_date')) }} as utc_month,
    case when days.currency = {{ base_currency() }} then 1 else (
        select rates.rate from rates
        where rates.currency = days.currency and rates.valid_from <= days.utc_date
        order by rates.valid_from desc
        limit 1
    ) end as rate
from days
