-- The same as of members' months, from the mart that has summed them.
select
    group_number,
    currency,
    utc_month,
    until_month,
    nullif(last_paid_month, '-infinity') as last_paid_month,
    first_held,
    last_held,
    created_clients,
    clients,
    positive_clients,
    positive_balance,
    negative_clients,
    negative_balance,
    refill_quantity,
    refill_amount,
    usage_quantity,
    usage_amount,
    package_activation_quantity,
    package_activation_amount,
    package_renewal_quantity,
    package_renewal_amount,
    unpriced
from ({package_months}) as months
where utc_month < %(last_closing)s and (until_month >= %(first_closing)s or utc_month >= (%(month_starts)s)[1])
