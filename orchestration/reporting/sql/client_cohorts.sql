-- The three cohorts at every period's end, from the facts of the members: any filter, any group, any boundaries.
with {scope}

select * from ({cohorts_from_spans}) as closings
