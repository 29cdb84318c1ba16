-- The type's events of one strip, from start_at on and before end_at. `offset 0` has each strip looked up by itself. How short it
-- is the planner cannot know; that the date is asked for too has it see what the index by time is worth.
select * from fct_client_events
where
    client_type = %(client_type)s
    and utc_date >= (start_at at time zone 'UTC')::date
    and utc_date <= (end_at at time zone 'UTC')::date
    and occurred_at >= start_at
    and occurred_at < end_at
offset 0
