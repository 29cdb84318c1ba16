-- Sums of the cohorts Clients - All and Overall Active of all clients of a type, at ends that are UTC
-- midnights: in each period the last row of each currency before the period's end. A period without one
-- has the sums of the period before.
-- Grain: one row a cohort, currency and period.
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
    sums.client_type = getvariable('asked').client_type
    and sums.utc_date <= getvariable('asked').last_date
group by all;
