-- Resellers that own clients in scope at some period's end (definition: Scope).
-- Grain: one row a reseller.
select distinct scope.owner_id, coalesce(resellers.name, scope.owner_id)
from scope
left join clients as resellers on scope.owner_id = resellers.client_id
where
    scope.owner_id <> ''
    and (getvariable('asked').is_everyone or scope.client in (select client from members))
order by 1;
