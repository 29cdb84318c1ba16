-- No package asked for: everyone, always.
members as not materialized (
    select 1 as group_number, client_id, currency, null::timestamptz as held_since, null::timestamptz as held_until
    from scope
)
