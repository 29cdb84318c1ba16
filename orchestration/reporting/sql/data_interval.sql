-- First and last transaction used that lies in the interval: of the clients that are members of a group
-- at the last period's end (definition: Snapshot).
select min(occurred_at), max(occurred_at)
from scoped_events
where
    occurred_at >= getvariable('asked').first_start
    and occurred_at < getvariable('asked').last_end
    and kind <> 'created'
    and client in (select client from members where last_period = getvariable('asked').periods);
