-- The same for all clients of a type: whole UTC days from the daily mart, the interval's two ends from the facts.
select min(used.first_at), max(used.last_at)
from (
    select mart.first_at, mart.last_at
    from unnest(%(interval_day_starts)s::date[], %(interval_day_ends)s::date[]) as days (start_on, end_on)
    inner join mart_flows_daily as mart
        on mart.client_type = %(client_type)s and mart.utc_date >= days.start_on and mart.utc_date < days.end_on

    union all

    select transactions.occurred_at, transactions.occurred_at
    from unnest(%(interval_rest_starts)s::timestamptz[], %(interval_rest_ends)s::timestamptz[]) as rests (start_at, end_at)
    inner join fct_transactions as transactions
        on
            transactions.client_type = %(client_type)s
            and transactions.occurred_at >= rests.start_at
            and transactions.occurred_at < rests.end_at
) as used
