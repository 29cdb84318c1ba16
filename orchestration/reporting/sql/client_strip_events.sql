-- Events of members between a boundary and its closing instant.
select members.group_number, boundaries.period, boundaries.sign, events.*
from boundaries
inner join fct_client_events as events
    on events.occurred_at >= boundaries.strip_start and events.occurred_at < boundaries.strip_end
inner join members using (client_id)
where
    (members.held_since is null or members.held_since < (%(ends)s)[boundaries.period])
    and (members.held_until is null or members.held_until >= (%(ends)s)[boundaries.period])
