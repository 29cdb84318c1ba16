-- No package asked for: everyone, always.
members as not materialized (
    select 1 as group_number, client_id, currency, 1 as first_held, %(periods)s::int as last_held
    from scope
)
