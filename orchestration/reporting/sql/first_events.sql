-- The first few events of the type in the interval, in the order of the index by hour.
select client_id, occurred_at
from fct_client_events
where
    client_type = %(client_type)s
    and kind <> 'created'
    and {event_hour} > %(first_start)s::timestamptz - interval '1 hour'
    and {event_hour} < %(last_end)s
    and occurred_at >= %(first_start)s
    and occurred_at < %(last_end)s
order by {event_hour}, occurred_at
limit 300
