-- Of `flows`, those of whoever is in the group at the period's end; of activations and renewals a group of packages counts its
-- own (spec 5), with which a client is in it.
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
    and case
        when kind in ('refill', 'usage') or {counts_any_package}
            then period between first_held and last_held
        else exists (
            select from group_packages
            where group_packages.group_number = flows.group_number and group_packages.package_id = flows.package_id
        )
    end
group by group_number, period, kind, currency, utc_date
