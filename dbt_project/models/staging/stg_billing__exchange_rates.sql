select
    currency,
    valid_from,
    rate
from {{ source('billing', 'exchange_rates') }}
