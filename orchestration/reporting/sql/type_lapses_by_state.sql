-- Who has lapsed, state by state: any boundaries.
select
    1 as group_number,
    1 as first_held,
    %(periods)s as last_held,
    currency,
    valid_from,
    valid_to,
    last_paid_at,
    created as created_clients,
    1 as clients,
    (balance > 0)::int as positive_clients,
    greatest(balance, 0) as positive_balance,
    (balance < 0)::int as negative_clients,
    least(balance, 0) as negative_balance
from fct_lapses
where
    client_type = %(client_type)s
    and valid_from < %(last_end)s
    and (valid_to is null or valid_to >= %(first_end)s)
