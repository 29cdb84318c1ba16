-- The clients behind the cohorts' cells, before they are summed. A row is one balance of a client, in
-- the client's currency. `first_period`, `last_period` and `last_active_period` are those of `states`.
-- Grain: one row a state and group.
select
    states.group_number,
    states.first_period,
    states.last_period,
    states.last_active_period,
    clients.client_id,
    clients.name,
    coalesce(owners.name, nullif(clients.owner_id, '')) as owner,
    clients.currency,
    clients.created_at,
    states.last_paid_at,
    cast(states.is_created as tinyint) as created,
    cast(states.balance as decimal(38, 6)) as balance,
    cast(null as varchar) as rate,
    cast(null as varchar) as report_rate
from states
inner join clients on states.client = clients.client
left join clients as owners on clients.owner_id = owners.client_id;
