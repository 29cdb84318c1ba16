-- What a report says of some clients from their months: cohorts, and where the report is in the base currency, flows. Both
-- need the events between a period's end and the nearest month's, which are looked up once.
with {scope},

strips as (
    select * from unnest(
        %(month_strip_starts)s::timestamptz[],
        %(month_strip_ends)s::timestamptz[],
        %(month_strip_signs)s::int[],
        %(month_strip_closes)s::int[],
        %(month_strip_opens)s::int[]
    ) as s (start_at, end_at, sign, closes, opens)
),

-- Events and members are looked up as a whole each: how many events a strip has the planner underrates.
strip_events_of_members as materialized (
    select members.group_number, members.first_held, members.last_held, events.*
    from (
        select strips.sign, strips.closes, strips.opens, events.*
        from strips
        cross join lateral ({strip}) as events
        offset 0
    ) as events
    inner join (select * from members offset 0) as members using (client_id)
),

sums_of_months as ({sums_of_months})

select * from ({cohort_items}) as cohort_items
union all
select * from ({client_flows_by_month}) as flows where %(is_priced)s
