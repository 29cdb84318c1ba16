-- Clients in scope as far as type, tags and owner say (spec 4); `among` narrows it where only some are asked about.
scope as not materialized (
    select client_id, currency
    from fct_clients
    where
        client_type = %(client_type)s
        and (%(owner_ids)s::text[] is null or owner_id = any(%(owner_ids)s))
        and (%(client_tags)s::text[] is null or tags && %(client_tags)s)
        and {among}
),

-- One row a group and package: several packages in group 1 are a filter, one package a group is spec 7.
group_packages as (
    select * from unnest(%(group_numbers)s::int[], %(group_package_ids)s::text[]) as g (group_number, package_id)
),

-- One row a group and client: in the group at the ends of the periods from `first_held` to `last_held`, if any.
{members}
