-- Which members have lapsed, state by state.
select
    members.group_number,
    members.first_held,
    members.last_held,
    members.currency,
    lapses.valid_from,
    lapses.valid_to,
    lapses.last_paid_at,
    lapses.created as created_clients,
    1 as clients,
    (lapses.balance > 0)::int as positive_clients,
    greatest(lapses.balance, 0) as positive_balance,
    (lapses.balance < 0)::int as negative_clients,
    least(lapses.balance, 0) as negative_balance
from members
inner join fct_lapses as lapses using (client_id)
where lapses.valid_from < %(last_end)s and (lapses.valid_to is null or lapses.valid_to >= %(first_end)s)
