-- The rate of every wanted currency and UTC date: its latest row until then, or nothing (spec 6).
select wanted.currency, wanted.utc_date, rates.rate
from unnest(%(currencies)s::text[], %(dates)s::date[]) as wanted (currency, utc_date)
left join lateral (
    select rate
    from dim_exchange_rates
    where dim_exchange_rates.currency = wanted.currency and valid_from <= wanted.utc_date
    order by valid_from desc
    limit 1
) as rates on true
