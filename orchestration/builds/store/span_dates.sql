-- Grain: one row a client type and UTC date with transactions.
create or replace temp view daily_spans_now as
select client_type, utc_date, min(occurred_at) as first_at, max(occurred_at) as last_at
from (
    select client_type, occurred_at, cast(occurred_at as date) as utc_date
    from all_events
    where kind <> 'created'
)
group by client_type, utc_date;
