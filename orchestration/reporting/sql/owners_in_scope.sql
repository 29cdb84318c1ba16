-- The resellers that own clients in scope at some time before the end of the one period that is asked for (spec 4).
with {scope}

select distinct owned.owner_id, coalesce(resellers.name, owned.owner_id)
from members
inner join fct_clients as owned using (client_id)
left join fct_clients as resellers on resellers.client_id = owned.owner_id
where owned.owner_id <> '' and members.first_held = 1
order by 1
