-- The states of the members' balances, each over the range of periods at whose ends it holds: any boundary, any filter.
select
    members.group_number,
    members.currency,
    greatest(
        width_bucket(balances.valid_from, %(ends)s) + 1,
        case when members.held_since is null then 1 else width_bucket(members.held_since, %(ends)s) + 1 end
    ) as first_period,
    least(
        case when balances.valid_to is null then %(periods)s else width_bucket(balances.valid_to, %(ends)s) end,
        case when members.held_until is null then %(periods)s else width_bucket(members.held_until, %(ends)s) end
    ) as last_period,
    case when balances.last_paid_at is not null then width_bucket(balances.last_paid_at, %(active_since)s) end as last_active_period,
    balances.created::bigint as created_clients,
    1::bigint as clients,
    (balances.balance > 0)::int::bigint as positive_clients,
    greatest(balances.balance, 0) as positive_balance,
    (balances.balance < 0)::int::bigint as negative_clients,
    least(balances.balance, 0) as negative_balance
from members
inner join fct_balances as balances using (client_id)
where balances.valid_from < %(last_end)s and (balances.valid_to is null or balances.valid_to >= %(first_end)s)
