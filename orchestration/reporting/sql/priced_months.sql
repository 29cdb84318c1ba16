-- Flows of `whole_months`, in the base currency. A currency that is none stands where a rate is missing.
select
    group_number,
    period,
    kind as item,
    case when unpriced > 0 then '' else %(base_currency)s end as currency,
    (%(last_end)s::timestamptz at time zone 'UTC')::date as utc_date,
    quantity,
    amount
from whole_months
