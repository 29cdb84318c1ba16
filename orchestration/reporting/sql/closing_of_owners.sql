-- The same for the clients of some owners: all the changes until that midnight.
select
    boundaries.period,
    cohort.name as cohort,
    changes.currency,
    sum(cohort.created_clients) as created_clients,
    sum(cohort.clients) as clients,
    sum(cohort.positive_clients) as positive_clients,
    sum(cohort.positive_balance) as positive_balance,
    sum(cohort.negative_clients) as negative_clients,
    sum(cohort.negative_balance) as negative_balance
from (
    -- Summed between two midnights first, so that a day is not counted anew for every boundary after it.
    select
        currency,
        width_bucket(utc_date, %(after_days)s::date[]) + 1 as first_period,
        sum(all_created_clients) as all_created_clients,
        sum(all_clients) as all_clients,
        sum(all_positive_clients) as all_positive_clients,
        sum(all_positive_balance) as all_positive_balance,
        sum(all_negative_clients) as all_negative_clients,
        sum(all_negative_balance) as all_negative_balance,
        sum(paying_created_clients) as paying_created_clients,
        sum(paying_clients) as paying_clients,
        sum(paying_positive_clients) as paying_positive_clients,
        sum(paying_positive_balance) as paying_positive_balance,
        sum(paying_negative_clients) as paying_negative_clients,
        sum(paying_negative_balance) as paying_negative_balance
    from mart_owner_changes_daily
    where client_type = %(client_type)s and owner_id = any(%(owner_ids)s)
    group by 1, 2
) as changes
inner join boundaries on boundaries.period >= changes.first_period
cross join lateral (
    values
        (
            'Clients - All', all_created_clients, all_clients,
            all_positive_clients, all_positive_balance, all_negative_clients, all_negative_balance
        ),
        (
            'Clients - Overall Active', paying_created_clients, paying_clients,
            paying_positive_clients, paying_positive_balance, paying_negative_clients, paying_negative_balance
        )
) as cohort (
    name, created_clients, clients, positive_clients, positive_balance, negative_clients, negative_balance
)
group by boundaries.period, cohort.name, changes.currency
