-- The same where all boundaries are the first instants of UTC months: states that none of them tells apart are summed.
select
    1 as group_number,
    1 as first_held,
    %(periods)s as last_held,
    currency,
    valid_from,
    valid_to,
    last_paid_at,
    created_clients,
    clients,
    positive_clients,
    positive_balance,
    negative_clients,
    negative_balance
from mart_lapses_monthly
where client_type = %(client_type)s
