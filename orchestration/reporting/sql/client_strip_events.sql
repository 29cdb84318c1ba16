-- Events of members between a boundary and its closing instant.
select members.group_number, boundaries.period, boundaries.sign, events.*
from boundaries
cross join lateral ({strip}) as events
inner join members using (client_id)
where
    (members.held_since is null or members.held_since < (%(ends)s)[boundaries.period])
    and (members.held_until is null or members.held_until >= (%(ends)s)[boundaries.period])
