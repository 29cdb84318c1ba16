-- Events of members between a boundary and its closing instant. (`offset 0` has each strip looked up by itself: how short it
-- is the planner cannot know.)
select members.group_number, boundaries.period, boundaries.sign, events.*
from boundaries
cross join lateral (
    select * from fct_client_events
    where client_type = %(client_type)s and occurred_at >= boundaries.strip_start and occurred_at < boundaries.strip_end
    offset 0
) as events
inner join members using (client_id)
where
    (members.held_since is null or members.held_since < (%(ends)s)[boundaries.period])
    and (members.held_until is null or members.held_until >= (%(ends)s)[boundaries.period])
