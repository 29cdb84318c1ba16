-- From the first period on at whose end one of a group's packages is held. A package is in one group; that the packages are
-- asked for by name has the planner know how many hold them. In the order of the clients, whose months and lapses are then found
-- side by side.
select
    (%(group_numbers)s::int[])[array_position(%(group_package_ids)s::text[], holdings.package_id)] as group_number,
    scope.client_id,
    scope.currency,
    width_bucket(min(holdings.held_since), %(ends)s) + 1 as first_held,
    %(periods)s::int as last_held
from fct_package_holdings as holdings
inner join scope using (client_id)
where holdings.package_id = any(%(group_package_ids)s)
group by 1, scope.client_id, scope.currency
order by scope.client_id
