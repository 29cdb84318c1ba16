-- Return the changes of the cohorts at each period. Running sums of the changes give the cohorts at the
-- ends of the periods. There are three parts: states that begin, states that end, and states in which
-- the client stops being active.
-- Grain: one row per sign, group, currency, period, cohort set and balance sign.
-- Columns:
--   sign: 1 for states that enter the cohorts, -1 for states that leave them
--   group_number, currency, period (from 1)
--   cohort_set: the changed cohorts. 0: All; 1: All and Overall Active; 2: all three; 3: Active only
--   balance_sign: the sign of the balance (-1, 0, 1)
--   clients: the number of states; created_clients: the number of states of created clients
--   balance: the sum of the balances
-- Needs: table states; variable `periods`.
select
    1 as sign,
    group_number,
    currency,
    first_period as period,
    case
        when last_active_period is null then 0
        when last_active_period < first_period then 1
        else 2
    end as cohort_set,
    sign(balance) as balance_sign,
    count(*) as clients,
    count_if(is_created) as created_clients,
    sum(balance) as balance
from states
group by all

union all

-- A state that lasts to the last period needs no end.
select
    -1 as sign,
    group_number,
    currency,
    last_period + 1 as period,
    case
        when last_active_period is null then 0
        when last_active_period < last_period then 1
        else 2
    end as cohort_set,
    sign(balance) as balance_sign,
    count(*) as clients,
    count_if(is_created) as created_clients,
    sum(balance) as balance
from states
where last_period < getvariable('periods').count
group by all

union all

-- The client leaves Active only, because the last paid service is too old.
select
    -1 as sign,
    group_number,
    currency,
    last_active_period + 1 as period,
    3 as cohort_set,
    sign(balance) as balance_sign,
    count(*) as clients,
    count_if(is_created) as created_clients,
    sum(balance) as balance
from states
where last_active_period >= first_period and last_active_period < last_period
group by all;
