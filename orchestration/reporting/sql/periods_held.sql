-- The periods at whose ends a member is in its group, from the first to the last.
case when members.held_since is null then 1 else width_bucket(members.held_since, %(ends)s) + 1 end as first_held,
case when members.held_until is null then %(periods)s else width_bucket(members.held_until, %(ends)s) end as last_held
