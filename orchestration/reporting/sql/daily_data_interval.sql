-- Return the first and last transaction used, for a report about all clients of a type in periods that
-- start and end at UTC midnights (definition: Data interval).
-- Grain: one row.
-- Columns: two instants; null if there is no transaction.
-- Needs: table daily_spans; variables `query`, `periods`.
select min(first_at), max(last_at)
from daily_spans
where
    client_type = getvariable('query').client_type
    and utc_date >= cast(getvariable('periods').first_start as date)
    and utc_date <= getvariable('periods').last_date;
