-- Flows of the members in every period, by kind, currency and UTC day (spec 5, 6): any filter.
with {scope},

flows as (
    select
        members.group_number,
        members.first_held,
        members.last_held,
        width_bucket(events.occurred_at, %(starts)s) as period,
        events.kind,
        events.package_id,
        events.currency,
        events.utc_date,
        1 as quantity,
        events.amount
    from members
    inner join fct_client_events as events using (client_id)
    where events.occurred_at >= %(first_start)s and events.occurred_at < %(last_end)s
)

{member_flows}
