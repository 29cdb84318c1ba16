-- The type's events of one strip, from start_at on and before end_at. `offset 0` has each strip looked up by itself: how short
-- it is the planner cannot know.
select * from fct_client_events
where client_type = %(client_type)s and occurred_at >= start_at and occurred_at < end_at
offset 0
