-- What `sums_of_months` moved, by period and kind.
select
    sums.group_number,
    flow.period,
    flow.kind,
    flow.quantity,
    flow.amount,
    sums.unpriced
from sums_of_months as sums
cross join lateral (
    select width_bucket(sums.utc_month, %(month_starts)s) as period, moved.*
    from (
        values
            ('refill', refill_quantity, refill_amount),
            ('usage', usage_quantity, usage_amount),
            ('package_activation', package_activation_quantity, package_activation_amount),
            ('package_renewal', package_renewal_quantity, package_renewal_amount)
    ) as moved (kind, quantity, amount)
) as flow
where flow.quantity > 0 and flow.period between sums.first_held and sums.last_held
