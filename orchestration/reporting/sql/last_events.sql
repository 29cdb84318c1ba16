-- The last few events of the type in the interval, in the order of the index by time.
select client_id, occurred_at
from fct_client_events
where
    client_type = %(client_type)s
    and kind <> 'created'
    and utc_date >= (%(first_start)s::timestamptz at time zone 'UTC')::date
    and utc_date <= (%(last_end)s::timestamptz at time zone 'UTC')::date
    and occurred_at >= %(first_start)s
    and occurred_at < %(last_end)s
order by utc_date desc, occurred_at desc
limit 300
