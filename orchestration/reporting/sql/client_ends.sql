-- The same, where members' transactions are among the type's first and last few, as those of many members are. Only whose these
-- are need be known.
with

firsts as ({first_events}),

lasts as ({last_events}),

candidates as (select client_id from firsts union select client_id from lasts),

{scope},

{used_members}

select
    (select min(occurred_at) from firsts where client_id in (select client_id from used_members)),
    (select max(occurred_at) from lasts where client_id in (select client_id from used_members))
