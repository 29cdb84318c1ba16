-- Events of all clients of a type between a boundary and its closing instant.
select 1 as group_number, boundaries.period, boundaries.sign, events.*
from boundaries
cross join lateral ({strip}) as events
