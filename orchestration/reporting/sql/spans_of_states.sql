-- The members' states, summed by the periods for which they count, from the facts: any boundaries.
-- Materialized, so that a state's periods are looked up once and not at every mention.
with states as materialized ({states})

select
    group_number,
    currency,
    first_period,
    last_period,
    last_active_period,
    sum(created) as created_clients,
    count(*) as clients,
    count(*) filter (where balance > 0) as positive_clients,
    coalesce(sum(balance) filter (where balance > 0), 0) as positive_balance,
    count(*) filter (where balance < 0) as negative_clients,
    coalesce(sum(balance) filter (where balance < 0), 0) as negative_balance
from states
where first_period <= last_period
group by group_number, currency, first_period, last_period, last_active_period
