-- From the first of a group's packages on.
select
    group_packages.group_number,
    scope.client_id,
    scope.currency,
    min(holdings.held_since) as held_since,
    null::timestamptz as held_until
from group_packages
inner join fct_package_holdings as holdings using (package_id)
inner join scope using (client_id)
group by group_packages.group_number, scope.client_id, scope.currency
