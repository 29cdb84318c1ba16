-- First and last instant of the transactions used that lie in the interval (spec 9): every kind moves a balance.
with {scope}

select min(transactions.occurred_at), max(transactions.occurred_at)
from members
inner join fct_transactions as transactions using (client_id)
where
    transactions.occurred_at >= %(first_start)s
    and transactions.occurred_at < %(last_end)s
    and (members.held_since is null or members.held_since < %(last_end)s)
    and (members.held_until is null or members.held_until >= %(last_end)s)
