with

days as (
    select distinct
        currency,
        utc_date
    from {{ ref('int_balance_changes_daily') }}
),

rates as (
    select * from {{ ref('dim_exchange_rates') }}
),

began as (
    select
        days.currency,
        days.utc_date,
        max(rates.valid_from) as valid_from
    from days
    left join rates on days.currency = rates.currency and days.utc_date >= rates.valid_from
    group by days.currency, days.utc_date
),

-- The month comes with the day: to find it for each of millions of events would take longer than to look it up.
months as (
    select
        began.*,
        {{ utc_month(utc_midnight('began.utc_date')) }} as utc_month
    from began
)

select
    months.currency,
    months.utc_date,
    months.utc_month,
    {{ next_utc_month('months.utc_month') }} as next_utc_month,
    case when months.currency = {{ base_currency() }} then 1 else rates.rate end as rate
from months
left join rates on months.currency = rates.currency and months.valid_from = rates.valid_from
