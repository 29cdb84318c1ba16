-- The clients behind the cohorts' cells (spec 5), before they are summed. A row is one client's balance, in the client's
-- currency: it holds at the ends of the periods from `first_period` to `last_period`, and until `last_active_period` the
-- client is active (null: never paid). Rows without a client are rates: `rate` / `report_rate` converts the balances of
-- `currency` at the end of `first_period`, where that is not the report's currency (spec 6).
with {scope},

states as ({states})

select
    states.group_number,
    states.first_period,
    states.last_period,
    states.last_active_period,
    states.client_id,
    clients.name,
    coalesce(owners.name, clients.owner_id) as owner,
    clients.currency,
    clients.created_at,
    states.last_paid_at,
    states.created,
    states.balance,
    null::numeric as rate,
    null::numeric as report_rate
from states
inner join fct_clients as clients using (client_id)
left join fct_clients as owners on owners.client_id = clients.owner_id
where states.first_period <= states.last_period

union all

select
    null, closing.period, closing.period, null, null, null, null, wanted.currency, null, null, null, null,
    case when wanted.currency = %(base_currency)s then 1 else (
        select rate from dim_exchange_rates
        where dim_exchange_rates.currency = wanted.currency and valid_from <= closing.utc_date
        order by valid_from desc limit 1
    ) end,
    case when %(currency)s = %(base_currency)s then 1 else (
        select rate from dim_exchange_rates
        where dim_exchange_rates.currency = %(currency)s and valid_from <= closing.utc_date
        order by valid_from desc limit 1
    ) end
from (select distinct currency from scope where currency <> %(currency)s) as wanted
cross join unnest(%(closing_dates)s::date[]) with ordinality as closing (utc_date, period)
