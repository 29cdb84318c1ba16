-- The same for all clients of a type: both ends of one range of an index.
select min(occurred_at), max(occurred_at)
from fct_client_events
where client_type = %(client_type)s and kind <> 'created' and occurred_at >= %(first_start)s and occurred_at < %(last_end)s
