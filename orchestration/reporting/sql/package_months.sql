-- The months of the groups that are asked for, each one package or none, with the periods in which their clients are in the group.
select
    asked.group_number,
    width_bucket(months.held_month, %(ends)s) + 1 as first_held,
    width_bucket(months.left_month, %(ends)s) as last_held,
    months.*
from (
    select * from unnest(%(group_numbers)s::int[], %(group_package_ids)s::text[]) as g (group_number, package_id)
    union all
    select %(no_package_group)s, '' where %(no_package_group)s::int is not null
) as asked
inner join mart_packages_monthly as months using (package_id)
where months.client_type = %(client_type)s
