-- Sums of the cohorts Clients - All and Overall Active of all clients of a type, at ends that are UTC
-- midnights: the last row of each currency before the end.
-- Grain: one row a cohort, currency and period.
select
    sums.cohort,
    sums.currency,
    ends.period,
    sums.clients,
    sums.created_clients,
    sums.positive_clients,
    sums.negative_clients,
    sums.positive_balance,
    sums.negative_balance
from (select unnest(range(1, getvariable('asked').periods + 1)) as period, unnest(getvariable('asked').last_dates) as last_date) as ends
cross join (
    select distinct cohort, currency from daily_cohorts
    where client_type = getvariable('asked').client_type
) as named
asof inner join (
    select * from daily_cohorts
    where client_type = getvariable('asked').client_type
) as sums
    on
        named.cohort = sums.cohort
        and named.currency = sums.currency
        and ends.last_date >= sums.utc_date;
