-- The members' states by the periods for which they count: what a client is at a month's end holds until its next month's.
-- Until when it is active is true where a boundary is the first instant of a month.
select
    group_number,
    currency,
    greatest(width_bucket(utc_month, %(closing_instants)s) + 1, first_held) as first_period,
    least(case when until_month is null then %(periods)s else width_bucket(until_month, %(closing_instants)s) end, last_held) as last_period,
    case when last_paid_month is not null then width_bucket(last_paid_month, %(active_since)s) end as last_active_period,
    created_clients,
    clients,
    positive_clients,
    positive_balance,
    negative_clients,
    negative_balance
from sums_of_months
