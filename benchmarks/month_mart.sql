-- The peer of a full build: one row a client and month of the sample, by one statement from the raw tables.
create table hand_written as
select
    client_id, utc_month, lead(utc_month) over months as until_month,
    cast(sum(amount) over months as numeric(38, 6)) as balance,
    date_trunc('month', max(paid_at) over months, 'UTC') as last_paid_month,
    max(created) over months as created,
    refill_quantity, refill_amount, usage_quantity, usage_amount,
    package_activation_quantity, package_activation_amount, package_renewal_quantity, package_renewal_amount,
    unpriced, first_at, last_at
from (
    select
        client_id,
        utc_month,
        sum(amount) as amount,
        max(occurred_at) filter (where amount < 0 and kind in ('usage', 'package_activation', 'package_renewal')) as paid_at,
        max((kind = 'created')::int) as created,
        cast(count(*) filter (where kind = 'refill') as int) as refill_quantity,
        cast(sum(amount * rate) filter (where kind = 'refill') as numeric(62, 24)) as refill_amount,
        cast(count(*) filter (where kind = 'usage') as int) as usage_quantity,
        cast(sum(amount * rate) filter (where kind = 'usage') as numeric(62, 24)) as usage_amount,
        cast(count(*) filter (where kind = 'package_activation') as int) as package_activation_quantity,
        cast(sum(amount * rate) filter (where kind = 'package_activation') as numeric(62, 24)) as package_activation_amount,
        cast(count(*) filter (where kind = 'package_renewal') as int) as package_renewal_quantity,
        cast(sum(amount * rate) filter (where kind = 'package_renewal') as numeric(62, 24)) as package_renewal_amount,
        cast(
            count(*) filter (where rate is null and kind in ('refill', 'usage', 'package_activation', 'package_renewal')) as int
        ) as unpriced,
        min(occurred_at) filter (where kind <> 'created') as first_at,
        max(occurred_at) filter (where kind <> 'created') as last_at
    from (
        select client_id, currency, occurred_at, kind, amount
        from billing.transactions inner join billing.clients using (client_id)
        where voided_at is null
        union all
        select client_id, currency, created_at, 'created', 0 from billing.clients
    ) as events
    inner join (
        select
            currency, cast(day as date) as utc_date, date_trunc('month', day) at time zone 'UTC' as utc_month,
            case when currency = 'USD' then 1 else (
                select rate from billing.exchange_rates as rates
                where rates.currency = currencies.currency and rates.valid_from <= day
                order by rates.valid_from desc limit 1
            ) end as rate
        from (select distinct currency from billing.clients) as currencies
        cross join generate_series(timestamp '2024-01-01', '2026-12-01', interval '1 day') as every (day)
        offset 0
    ) as days on days.currency = events.currency and days.utc_date = cast(events.occurred_at at time zone interval '0' as date)
    group by client_id, utc_month
) as moved
window months as (partition by client_id order by utc_month)
