-- Return the cohorts All and Overall Active at each period's end, for all clients of a type. The ends of
-- periods are UTC midnights. A period's row is the last row of the daily mart before its end. A period
-- without a row has the values of the period before it.
-- Grain: one row per cohort, currency and period in which the cohort changed.
-- Columns: cohort ('all' or 'overall_active'), currency, period (from 1), the numbers of clients,
-- created clients and clients with a positive or negative balance, and the sums of these balances.
-- Needs: tables daily_cohorts, end_slots; macro end_slot; variables `query`, `periods`.
select
    sums.cohort,
    sums.currency,
    case
        when cast(sums.utc_date as timestamptz) >= slots.boundary then slots.count_after
        else slots.count_before
    end + 1 as period,
    max_by(sums.clients, sums.utc_date) as clients,
    max_by(sums.created_clients, sums.utc_date) as created_clients,
    max_by(sums.positive_clients, sums.utc_date) as positive_clients,
    max_by(sums.negative_clients, sums.utc_date) as negative_clients,
    max_by(sums.positive_balance, sums.utc_date) as positive_balance,
    max_by(sums.negative_balance, sums.utc_date) as negative_balance
from daily_cohorts as sums
inner join end_slots as slots on slots.slot = end_slot(cast(sums.utc_date as timestamptz))
where
    sums.client_type = getvariable('query').client_type
    and sums.utc_date <= getvariable('periods').last_date
group by all;
