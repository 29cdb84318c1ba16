-- Whose transactions a report uses: whoever is in a group as it ends, which is left only for another.
used_members as (
    select * from members
    where (held_since is null or held_since < %(last_end)s) and (held_until is null or held_until >= %(last_end)s)
)
