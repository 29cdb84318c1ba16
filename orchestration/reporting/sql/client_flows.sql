-- Flows of the members in every period, by kind, currency and UTC day (spec 5, 6): any filter.
with {scope},

flows as (
    select
        members.group_number,
        members.held_since,
        members.held_until,
        events.kind,
        events.currency,
        events.package_id,
        events.amount,
        events.utc_date,
        width_bucket(events.occurred_at, %(starts)s) as period
    from members
    inner join fct_client_events as events using (client_id)
    where
        events.occurred_at >= %(first_start)s
        and events.occurred_at < %(last_end)s
        and events.kind in ('refill', 'usage', 'package_activation', 'package_renewal')
)

select
    group_number,
    period,
    kind as item,
    currency,
    utc_date,
    count(*) as quantity,
    sum(amount) as amount
from flows
where
    (held_since is null or held_since < (%(ends)s)[period])
    and (held_until is null or held_until >= (%(ends)s)[period])
    and (
        %(everyone)s
        or kind in ('refill', 'usage')
        or flows.group_number = %(no_package_group)s
        or exists (
            select from group_packages
            where group_packages.group_number = flows.group_number and group_packages.package_id = flows.package_id
        )
    )
group by group_number, period, kind, currency, utc_date
