-- What a report says of all clients of a type: cohorts, and where the report is in the base currency, flows. A currency that is
-- none stands where a rate is missing.
select * from ({cohort_items}) as cohort_items

union all

select
    1,
    days.period,
    mart.kind,
    case when sum(mart.unpriced) > 0 then '' else %(base_currency)s end,
    max(mart.utc_date),
    sum(mart.quantity),
    sum(mart.amount)
from unnest(%(whole_day_periods)s::int[], %(whole_day_starts)s::date[], %(whole_day_ends)s::date[]) as days (period, first_day, after_day)
inner join mart_base_flows_daily as mart
    on mart.client_type = %(client_type)s and mart.utc_date >= days.first_day and mart.utc_date < days.after_day
where %(is_priced)s
group by days.period, mart.kind

union all

select * from ({type_rest_flows}) as rest_flows
where %(is_priced)s
