-- The clients behind the cohorts' cells (spec 5), before they are summed. A row is one client's balance, in the client's
-- currency: it holds at the ends of the periods from `first_period` to `last_period`, and until `last_active_period` the
-- client is active (null: never paid). Rows without a client are rates: `rate` / `report_rate` converts the balances of
-- `currency` at the end of `first_period`, where that is not the report's currency (spec 6).
with {scope},

-- As in client_cohorts: a state enters at the first period at whose end it holds and leaves after the last.
states as (
    select
        members.group_number,
        members.client_id,
        greatest(
            width_bucket(events.occurred_at, %(ends)s) + 1,
            case when members.held_since is null then 1 else width_bucket(members.held_since, %(ends)s) + 1 end
        ) as first_period,
        least(
            case when events.valid_to is null then %(periods)s else width_bucket(events.valid_to, %(ends)s) end,
            case when members.held_until is null then %(periods)s else width_bucket(members.held_until, %(ends)s) end
        ) as last_period,
        width_bucket(events.last_paid_at, %(active_since)s) as last_active_period,
        events.last_paid_at,
        events.created,
        events.balance
    from members
    inner join fct_client_events as events using (client_id)
    where events.occurred_at < %(last_end)s and (events.valid_to is null or events.valid_to >= %(first_end)s)
)

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
