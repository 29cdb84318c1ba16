-- The groups that have a client in scope at some known period's end (spec 7).
with {scope}

select distinct group_number
from members
where first_held <= last_held
