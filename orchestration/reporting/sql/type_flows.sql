-- The same from the daily mart, no filter but the type: whole UTC days from the mart, a period's ends from the facts. The mart's
-- rows are sums already: what they have in common is summed once, when they are converted.
select 1 as group_number, days.period, mart.kind as item, mart.currency, mart.utc_date, mart.quantity, mart.amount
from unnest(%(whole_day_periods)s::int[], %(whole_day_starts)s::date[], %(whole_day_ends)s::date[]) as days (period, first_day, after_day)
inner join mart_flows_daily as mart
    on mart.client_type = %(client_type)s and mart.utc_date >= days.first_day and mart.utc_date < days.after_day
where mart.kind in ('refill', 'usage', 'package_activation', 'package_renewal')

union all

{type_rest_flows}
