-- A cohort's four rows of the report: how many, and the balances above zero, below zero, and all of them (spec 5).
-- Balances are converted at the period's closing date (spec 6).
with cohorts as ({cohorts})

select
    cohorts.group_number,
    cohorts.period,
    cohorts.cohort || ' / ' || item.name as item,
    cohorts.currency,
    (%(closing_dates)s::date[])[cohorts.period] as utc_date,
    item.quantity,
    item.amount
from cohorts
cross join lateral (
    values
        ('Qty', created_clients, 0),
        ('Balance Pos', positive_clients, positive_balance),
        ('Balance Neg', negative_clients, negative_balance),
        ('Balance', clients, positive_balance + negative_balance)
) as item (name, quantity, amount)
where cohorts.clients > 0
