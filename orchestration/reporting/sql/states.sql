-- Create the table `states`: the states of clients that hold at the end of at least one period.
-- A state holds at each instant e with occurred_at < e <= valid_to.
-- Grain: one row per state.
-- Columns:
--   group_number: always 1
--   client, currency
--   first_period, last_period: the periods (from 1) at whose ends the state holds
--   last_active_period: the last period in which the client is active because of last_paid_at. It can be
--     later than last_period. 0: active in no period; null: the client has never paid
--   is_created: the client exists; only then does it count in quantities (definition: Cohorts)
--   balance, last_paid_at
-- Needs: view scoped_events, tables end_slots, active_slots; macros end_slot, active_slot; variable
-- `periods`.
create temp table states as
with

-- Leave out the states that begin and end within one period, which are most of them, before any other
-- look-up. The rest reaches at least one end of a period.
lasting_states as (
    select
        events.client,
        events.currency,
        events.balance,
        events.is_created,
        events.last_paid_at,
        events.valid_to,
        case
            when events.occurred_at >= slots.boundary then slots.count_after
            else slots.count_before
        end + 1 as first_period
    from scoped_events as events
    inner join end_slots as slots on slots.slot = end_slot(events.occurred_at)
    where
        events.occurred_at < getvariable('periods').last_end
        and events.valid_to >= getvariable('periods').first_end
        and events.valid_to >= slots.boundary
        and (events.occurred_at < slots.boundary or events.valid_to >= slots.next_boundary)
)

select
    1 as group_number,
    lasting.client,
    lasting.currency,
    lasting.first_period,
    case
        when lasting.valid_to >= getvariable('periods').last_end then getvariable('periods').count
        when lasting.valid_to >= until_slots.boundary then until_slots.count_after
        else until_slots.count_before
    end as last_period,
    case
        when lasting.last_paid_at is null then null
        when lasting.last_paid_at < getvariable('periods').first_active_since then 0
        when lasting.last_paid_at >= getvariable('periods').last_active_since
            then getvariable('periods').count
        when lasting.last_paid_at >= paid_slots.boundary then paid_slots.count_after + 1
        else paid_slots.count_before + 1
    end as last_active_period,
    lasting.is_created,
    lasting.balance,
    lasting.last_paid_at
from lasting_states as lasting
inner join end_slots as until_slots on until_slots.slot = end_slot(lasting.valid_to)
inner join active_slots as paid_slots on paid_slots.slot = active_slot(lasting.last_paid_at);
