-- Grain: one row per currency and first UTC date of a rate.
select
    currency,
    valid_from,
    rate
from {{ source('billing', 'exchange_rates') }}
