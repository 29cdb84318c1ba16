-- The last few events of the type in the interval.
select client_id, occurred_at
from fct_client_events
where client_type = %(client_type)s and kind <> 'created' and occurred_at >= %(first_start)s and occurred_at < %(last_end)s
order by occurred_at desc
limit 300
