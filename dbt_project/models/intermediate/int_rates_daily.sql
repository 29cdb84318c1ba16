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
)

select
    began.currency,
    began.utc_date,
    case when began.currency = {{ base_currency() }} then 1 else rates.rate end as rate
from began
left join rates on began.currency = rates.currency and began.valid_from = rates.valid_from
