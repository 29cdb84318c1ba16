-- What enters (sign 1) and leaves (sign -1) the cohorts at each period; running sums over the periods
-- give the cohorts. `status` says which cohorts: 0 Clients - All; 1 also Overall Active; 2 also Active;
-- 3 Active alone, for a client whose last paid service has become too old.
-- Grain: one row a sign, group, currency, period, status and side of the balance (-1, 0, 1).
select
    1 as sign,
    group_number,
    currency,
    first_period as period,
    case when last_active_period is null then 0 when last_active_period < first_period then 1 else 2 end as status,
    sign(balance) as side,
    count(*) as clients,
    count_if(is_created) as created_clients,
    sum(balance) as balance
from states
group by all

union all

select
    -1,
    group_number,
    currency,
    last_period + 1,
    case when last_active_period is null then 0 when last_active_period < last_period then 1 else 2 end,
    sign(balance),
    count(*),
    count_if(is_created),
    sum(balance)
from states
where last_period < getvariable('asked').periods
group by all

union all

select
    -1,
    group_number,
    currency,
    last_active_period + 1,
    3,
    sign(balance),
    count(*),
    count_if(is_created),
    sum(balance)
from states
where last_active_period >= first_period and last_active_period < last_period
group by all;
