-- Of the facts, the states that are true at a UTC month's end.
select * from fct_month_end_states
