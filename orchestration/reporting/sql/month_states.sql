-- The same from the monthly mart: no filter but the type, and every boundary a UTC month start.
select
    1 as group_number,
    currency,
    width_bucket(from_month - interval '1 microsecond', %(ends)s) + 1 as first_period,
    case when to_month is null then %(periods)s else width_bucket(to_month, %(ends)s) end as last_period,
    case when last_paid_month is not null then width_bucket(last_paid_month, %(active_since)s) end as last_active_period,
    created_clients,
    clients,
    positive_clients,
    positive_balance,
    negative_clients,
    negative_balance
from mart_balances_monthly
where
    client_type = %(client_type)s
    and from_month <= %(last_end)s
    and (to_month is null or to_month >= %(first_end)s)
