-- The same from the daily mart, no filter but the type: whole UTC days from the mart, a period's ends from the facts.
with

flows as (
    select days.period, mart.kind, mart.currency, mart.utc_date, mart.quantity, mart.amount
    from unnest(%(whole_day_periods)s::int[], %(whole_day_starts)s::date[], %(whole_day_ends)s::date[]) as days (period, first_day, after_day)
    inner join mart_flows_daily as mart
        on mart.client_type = %(client_type)s and mart.utc_date >= days.first_day and mart.utc_date < days.after_day

    union all

    select rests.period, events.kind, events.currency, events.utc_date, 1, events.amount
    from unnest(%(rest_periods)s::int[], %(rest_starts)s::timestamptz[], %(rest_ends)s::timestamptz[]) as rests (period, start_at, end_at)
    cross join lateral ({strip}) as events
)

select
    1 as group_number,
    period,
    kind as item,
    currency,
    utc_date,
    sum(quantity) as quantity,
    sum(amount) as amount
from flows
where kind in ('refill', 'usage', 'package_activation', 'package_renewal')
group by period, kind, currency, utc_date
