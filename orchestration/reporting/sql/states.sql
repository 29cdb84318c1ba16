-- The states of members that hold at some closing instant, which is a period's end or near it: a state enters at the first
-- period for which it counts and leaves after the last. Whether a member is in the group is asked at the period's end.
select
    members.group_number,
    members.client_id,
    members.currency,
    greatest(
        width_bucket(events.occurred_at, %(closing_instants)s) + 1,
        members.first_held
    ) as first_period,
    least(
        case when events.valid_to is null then %(periods)s else width_bucket(events.valid_to, %(closing_instants)s) end,
        members.last_held
    ) as last_period,
    width_bucket(events.last_paid_at, %(active_since)s) as last_active_period,
    events.last_paid_at,
    events.created,
    events.balance
from members
inner join fct_client_events as events using (client_id)
where events.occurred_at < %(last_closing)s and (events.valid_to is null or events.valid_to >= %(first_closing)s)
