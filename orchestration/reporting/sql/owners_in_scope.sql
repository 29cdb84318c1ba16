-- Return the resellers that own clients in scope at some period's end (definition: Scope).
-- Grain: one row per reseller.
-- Columns: id, name.
-- Needs: tables scope, members, clients; variable `query`.
select distinct scope.owner_id, coalesce(resellers.name, scope.owner_id)
from scope
left join clients as resellers on scope.owner_id = resellers.client_id
where
    scope.owner_id <> ''
    and (getvariable('query').is_whole_scope or scope.client in (select client from members))
order by 1;
