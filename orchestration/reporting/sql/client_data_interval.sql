-- First and last instant of the transactions used that lie in the interval (spec 9): every kind moves a balance. All members'
-- months are read, and of a month that the interval cuts the events themselves.
with {scope},

{used_members},

months as (
    select
        members.client_id,
        flows.first_at,
        flows.last_at
    from used_members as members
    inner join mart_clients_monthly as flows using (client_id)
    where
        flows.utc_month >= date_trunc('month', %(first_start)s::timestamptz, 'UTC')
        and flows.utc_month < %(last_end)s
),

used as (
    select first_at, last_at from months where first_at >= %(first_start)s and last_at < %(last_end)s
    union all
    select cut.first_at, cut.last_at
    from months
    cross join lateral (
        select min(events.occurred_at) as first_at, max(events.occurred_at) as last_at
        from fct_client_events as events
        where
            events.client_id = months.client_id
            and events.occurred_at between greatest(months.first_at, %(first_start)s) and months.last_at
            and events.occurred_at < %(last_end)s
            and events.kind <> 'created'
    ) as cut
    where
        (months.first_at < %(first_start)s and months.last_at >= %(first_start)s)
        or (months.first_at < %(last_end)s and months.last_at >= %(last_end)s)
)

select min(first_at), max(last_at) from used
