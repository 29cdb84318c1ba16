-- First and last instant of the transactions used that lie in the interval (spec 9): every kind moves a balance.
with {scope}

select min(events.occurred_at), max(events.occurred_at)
from members
inner join fct_client_events as events using (client_id)
where
    events.occurred_at >= %(first_start)s
    and events.occurred_at < %(last_end)s
    and events.kind <> 'created'
    and (members.held_since is null or members.held_since < %(last_end)s)
    and (members.held_until is null or members.held_until >= %(last_end)s)
