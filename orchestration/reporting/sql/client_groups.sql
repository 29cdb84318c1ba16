-- The groups that have a client in scope at some known period's end (spec 7).
with {scope}

select distinct group_number
from members
where (held_since is null or held_since < %(last_end)s) and (held_until is null or held_until >= %(first_end)s)
