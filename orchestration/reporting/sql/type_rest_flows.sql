-- What of the periods is no whole UTC day, from the facts.
select 1 as group_number, rests.period, events.kind as item, events.currency, events.utc_date, count(*) as quantity, sum(events.amount) as amount
from unnest(%(rest_periods)s::int[], %(rest_starts)s::timestamptz[], %(rest_ends)s::timestamptz[]) as rests (period, start_at, end_at)
cross join lateral ({strip}) as events
where events.kind in ('refill', 'usage', 'package_activation', 'package_renewal')
group by rests.period, events.kind, events.currency, events.utc_date
