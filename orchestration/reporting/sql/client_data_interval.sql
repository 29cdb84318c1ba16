-- First and last instant of the transactions used that lie in the interval (spec 9): every kind moves a balance. Of a client's
-- month that the interval cuts, the events themselves are asked.
with {scope},

months as (
    select
        members.client_id,
        flows.utc_month,
        flows.first_at,
        flows.last_at
    from members
    inner join mart_client_flows_monthly as flows using (client_id)
    where
        flows.utc_month >= date_trunc('month', %(first_start)s::timestamptz, 'UTC')
        and flows.utc_month < %(last_end)s
        and (members.held_since is null or members.held_since < %(last_end)s)
        and (members.held_until is null or members.held_until >= %(last_end)s)
)

select min(first_at), max(last_at)
from (
    select first_at, last_at from months where first_at >= %(first_start)s and last_at < %(last_end)s
    union all
    select events.occurred_at, events.occurred_at
    from months
    inner join fct_client_events as events
        on
            events.client_id = months.client_id
            and events.occurred_at >= greatest(months.first_at, %(first_start)s)
            and events.occurred_at <= months.last_at
            and events.occurred_at < %(last_end)s
            and events.kind <> 'created'
    where months.first_at < %(first_start)s or months.last_at >= %(last_end)s
) as used
