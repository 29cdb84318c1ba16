-- Sums by currency and UTC date become sums in the report's currency, exact but for one division (spec 6): the amounts
-- that need none, and the others in the base currency beside the rate that divides them.
-- A rate that is missing is named in the row that needs it.
with

sums as ({sums}),

rates as (
    select
        wanted.currency,
        wanted.utc_date,
        case when wanted.currency = %(base_currency)s then 1 else (
            select rate from dim_exchange_rates
            where dim_exchange_rates.currency = wanted.currency and valid_from <= wanted.utc_date
            order by valid_from desc limit 1
        ) end as rate,
        case when %(currency)s <> %(base_currency)s then (
            select rate from dim_exchange_rates
            where dim_exchange_rates.currency = %(currency)s and valid_from <= wanted.utc_date
            order by valid_from desc limit 1
        ) end as report_rate
    from (select distinct currency, utc_date from sums where currency <> %(currency)s) as wanted
),

priced as (
    select
        sums.*,
        case when rates.currency is null then 1 else rates.rate end as rate,
        rates.report_rate,
        least(
            case when rates.currency is not null and rates.rate is null then sums.currency end,
            case
                when rates.currency is not null and rates.report_rate is null and %(currency)s <> %(base_currency)s
                    then %(currency)s
            end
        ) as missing_currency
    from sums
    left join rates using (currency, utc_date)
)

select
    group_number,
    period,
    item,
    sum(quantity) as quantity,
    coalesce(sum(amount * rate) filter (where report_rate is null), 0) as amount,
    coalesce(sum(amount * rate) filter (where report_rate is not null), 0) as base_amount,
    report_rate,
    missing_currency,
    case when missing_currency is not null then utc_date end as missing_date
from priced
group by group_number, period, item, report_rate, missing_currency, case when missing_currency is not null then utc_date end
