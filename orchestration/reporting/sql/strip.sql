-- The type's events of one strip, from start_at on and before end_at. How short it is the planner cannot know: each `offset 0` keeps
-- it from any way but the index by hour, strip by strip.
select *
from (
    select * from fct_client_events
    where
        client_type = %(client_type)s
        and {event_hour} > start_at - interval '1 hour'
        and {event_hour} < end_at
    offset 0
) as events_of_hours
where occurred_at >= start_at and occurred_at < end_at
offset 0
