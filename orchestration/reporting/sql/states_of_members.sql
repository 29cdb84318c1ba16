-- Replace the table `states` by the states of the members of package groups: one copy for each group,
-- clipped to the periods of the membership.
-- Grain: one row per state and group.
-- Columns: those of `states.sql`.
-- Needs: tables states, members.
create temp table grouped_states as
select
    members.group_number,
    states.client,
    states.currency,
    greatest(states.first_period, members.first_period) as first_period,
    least(states.last_period, members.last_period) as last_period,
    states.last_active_period,
    states.is_created,
    states.balance,
    states.last_paid_at
from states
inner join members on states.client = members.client
where greatest(states.first_period, members.first_period) <= least(states.last_period, members.last_period);

drop table states;

alter table grouped_states rename to states;
