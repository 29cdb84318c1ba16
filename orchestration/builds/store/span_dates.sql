-- Write the first and last transaction of each client type on the changed dates again.
-- Reads: changed_span_dates, all_events (a view of the events of all parts).

delete from common.daily_spans
where utc_date in (select utc_date from changed_span_dates);

insert into common.daily_spans
select client_type, utc_date, min(occurred_at) as first_at, max(occurred_at) as last_at
from (
    select client_type, occurred_at, cast(occurred_at as date) as utc_date
    from all_events
    where
        kind <> 'created'
        and occurred_at >= (select cast(min(utc_date) as timestamptz) from changed_span_dates)
        and occurred_at < (select cast(max(utc_date) + 1 as timestamptz) from changed_span_dates)
)
where utc_date in (select utc_date from changed_span_dates)
group by client_type, utc_date
order by client_type, utc_date;
