-- The type's events of one strip, from start_at on and before end_at. `offset 0` has each strip looked up by itself, and in the
-- order of an index by time: how short a strip is the planner cannot know, and it would search that by client through all of them.
select * from fct_client_events
where client_type = %(client_type)s and occurred_at >= start_at and occurred_at < end_at
order by occurred_at
offset 0
