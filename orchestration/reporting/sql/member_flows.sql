-- Of `flows`, those of whoever is in the group at the period's end; of activations and renewals the group's own (spec 5).
select
    group_number,
    period,
    kind as item,
    currency,
    utc_date,
    sum(quantity) as quantity,
    sum(amount) as amount
from flows
where
    kind in ('refill', 'usage', 'package_activation', 'package_renewal')
    and (held_since is null or held_since < (%(ends)s)[period])
    and (held_until is null or held_until >= (%(ends)s)[period])
    and (
        %(everyone)s
        or kind in ('refill', 'usage')
        or flows.group_number = %(no_package_group)s
        or exists (
            select from group_packages
            where group_packages.group_number = flows.group_number and group_packages.package_id = flows.package_id
        )
    )
group by group_number, period, kind, currency, utc_date
