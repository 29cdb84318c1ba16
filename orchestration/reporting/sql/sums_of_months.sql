-- The members' months, summed by what tells them apart: when they are, until when nothing changes, when the last paid service
-- was, and in which periods the member is in the group. Summed by the months' own columns, which the planner knows, before their
-- periods are looked up: two processes share it.
select
    members.group_number,
    members.currency,
    months.utc_month,
    months.until_month,
    months.last_paid_month,
    members.first_held,
    members.last_held,
    sum(months.created) as created_clients,
    count(*) as clients,
    count(*) filter (where months.balance > 0) as positive_clients,
    coalesce(sum(months.balance) filter (where months.balance > 0), 0) as positive_balance,
    count(*) filter (where months.balance < 0) as negative_clients,
    coalesce(sum(months.balance) filter (where months.balance < 0), 0) as negative_balance,
    sum(months.refill_quantity) as refill_quantity,
    sum(months.refill_amount) as refill_amount,
    sum(months.usage_quantity) as usage_quantity,
    sum(months.usage_amount) as usage_amount,
    sum(months.package_activation_quantity) filter (where {counts_any_package}) as package_activation_quantity,
    sum(months.package_activation_amount) filter (where {counts_any_package}) as package_activation_amount,
    sum(months.package_renewal_quantity) filter (where {counts_any_package}) as package_renewal_quantity,
    sum(months.package_renewal_amount) filter (where {counts_any_package}) as package_renewal_amount,
    sum(months.unpriced) as unpriced
from members
inner join mart_clients_monthly as months using (client_id)
where
    months.utc_month < %(last_closing)s
    and (months.until_month is null or months.until_month >= %(first_closing)s or months.utc_month >= (%(month_starts)s)[1])
group by
    members.group_number, members.currency, months.utc_month, months.until_month, months.last_paid_month,
    members.first_held, members.last_held
