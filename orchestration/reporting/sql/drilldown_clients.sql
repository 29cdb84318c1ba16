-- Return the clients behind the cells of the cohorts, one row for each balance that a client has.
-- Grain: one row per state and group.
-- Columns: those of the Parquet file of a snapshot (`drilldown_export`). The first four are those of
-- `states`. `owner` is the owner's name, or its id without a name. The rates are null in these rows.
-- Needs: tables states, clients.
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
