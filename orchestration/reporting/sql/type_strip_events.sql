-- Events of all clients of a type between a boundary and its closing instant.
select 1 as group_number, boundaries.period, boundaries.sign, events.*
from boundaries
inner join fct_client_events as events
    on
        events.client_type = %(client_type)s
        and events.occurred_at >= boundaries.strip_start
        and events.occurred_at < boundaries.strip_end
