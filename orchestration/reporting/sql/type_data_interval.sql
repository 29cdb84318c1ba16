-- The same for all clients of a type: both ends of one range of an index.
select
    (select min(occurred_at) from ({first_events}) as firsts),
    (select max(occurred_at) from ({last_events}) as lasts)
