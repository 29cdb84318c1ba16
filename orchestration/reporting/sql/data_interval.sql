-- Return the first and last transaction used, for a report with groups of packages: those of clients
-- that are in a group at the end of the last period (definition: Data interval).
-- Grain: one row.
-- Columns: two instants; null if there is no transaction.
-- Needs: view scoped_events, table members; variable `periods`.
select min(occurred_at), max(occurred_at)
from scoped_events
where
    occurred_at >= getvariable('periods').first_start
    and occurred_at < getvariable('periods').last_end
    and kind <> 'created'
    and client in (select client from members where last_period = getvariable('periods').count);
