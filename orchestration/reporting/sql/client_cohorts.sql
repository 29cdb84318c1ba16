-- The three cohorts' quantities and balances at every period's end, by currency (spec 5): any filter, any group.
-- A client's state enters at the first period at whose end it holds and leaves after the last.
with {scope},

-- Materialized, so that a state's periods are looked up once and not at every mention.
states as materialized (
    select
        members.group_number,
        members.currency,
        greatest(
            width_bucket(events.occurred_at, %(ends)s) + 1,
            case when members.held_since is null then 1 else width_bucket(members.held_since, %(ends)s) + 1 end
        ) as first_period,
        least(
            case when events.valid_to is null then %(periods)s else width_bucket(events.valid_to, %(ends)s) end,
            case when members.held_until is null then %(periods)s else width_bucket(members.held_until, %(ends)s) end
        ) as last_period,
        width_bucket(events.last_paid_at, %(active_since)s) as last_active_period,
        events.created,
        events.balance
    from members
    inner join fct_client_events as events using (client_id)
    where events.occurred_at < %(last_end)s and (events.valid_to is null or events.valid_to >= %(first_end)s)
),

spans as (
    select
        group_number,
        currency,
        first_period,
        last_period,
        last_active_period,
        sum(created) as created_clients,
        count(*) as clients,
        count(*) filter (where balance > 0) as positive_clients,
        coalesce(sum(balance) filter (where balance > 0), 0) as positive_balance,
        count(*) filter (where balance < 0) as negative_clients,
        coalesce(sum(balance) filter (where balance < 0), 0) as negative_balance
    from states
    where first_period <= last_period
    group by group_number, currency, first_period, last_period, last_active_period
),

-- A client that never paid has no last active period: only `Clients - All` counts it.
edges as (
    select
        spans.group_number,
        cohort.name as cohort,
        spans.currency,
        edge.period,
        sum(edge.sign * spans.created_clients) as created_clients,
        sum(edge.sign * spans.clients) as clients,
        sum(edge.sign * spans.positive_clients) as positive_clients,
        sum(edge.sign * spans.positive_balance) as positive_balance,
        sum(edge.sign * spans.negative_clients) as negative_clients,
        sum(edge.sign * spans.negative_balance) as negative_balance
    from spans
    cross join lateral (
        values
            ('Clients - Active', least(spans.last_period, spans.last_active_period), spans.last_active_period is not null),
            ('Clients - Overall Active', spans.last_period, spans.last_active_period is not null),
            ('Clients - All', spans.last_period, true)
    ) as cohort (name, last_period, has_paid)
    cross join lateral (values (spans.first_period, 1), (cohort.last_period + 1, -1)) as edge (period, sign)
    where cohort.has_paid and spans.first_period <= cohort.last_period
    group by spans.group_number, cohort.name, spans.currency, edge.period
)

{running}
