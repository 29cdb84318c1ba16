-- Whose transactions a report uses: whoever is in a group as it ends, which is left only for another.
used_members as (
    select * from members
    where first_held <= %(periods)s and last_held = %(periods)s
)
