-- Of the facts, any state.
select * from fct_client_events
