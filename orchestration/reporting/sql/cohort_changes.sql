-- Return what enters and leaves the cohorts at each period. Running sums over the periods give the
-- cohorts at the periods' ends. The first part returns the starts of states, the second their ends, and
-- the third the periods from which a client is no longer active within a state.
-- Grain: one row a sign, group, currency, period, status and side.
-- Columns:
--   sign: 1 for what enters, -1 for what leaves
--   group_number, currency, period (from 1)
--   status: the cohorts of the state. 0: All; 1: All and Overall Active; 2: All three; 3: Active only
--   side: the sign of the balance (-1, 0, 1)
--   clients: the number of states; created_clients: those of clients that exist
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
    end as status,
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
    case
        when last_active_period is null then 0
        when last_active_period < last_period then 1
        else 2
    end,
    sign(balance),
    count(*),
    count_if(is_created),
    sum(balance)
from states
where last_period < getvariable('periods').count
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
