-- Clients in scope as far as type, tags and owner say (spec 4).
scope as (
    select client_id, currency
    from fct_clients
    where
        client_type = %(client_type)s
        and (%(owner_ids)s::text[] is null or owner_id = any(%(owner_ids)s))
        and (
            %(client_tags)s::text[] is null
            or exists (
                select from dim_client_tags
                where dim_client_tags.client_id = fct_clients.client_id and tag = any(%(client_tags)s)
            )
        )
),

-- One row a group and package: several packages in group 1 are a filter, one package a group is spec 7.
group_packages as (
    select * from unnest(%(group_numbers)s::int[], %(group_package_ids)s::text[]) as g (group_number, package_id)
),

-- One row a group and client: in scope at every e with held_since < e <= held_until, each empty for no limit.
members as (
    select null::int as group_number, null::text as client_id, null::text as currency,
           null::timestamptz as held_since, null::timestamptz as held_until
    where false

    union all

    -- No package asked for: everyone, always.
    select 1, client_id, currency, null, null
    from scope
    where %(everyone)s

    union all

    select group_packages.group_number, scope.client_id, scope.currency, min(holdings.held_since), null
    from group_packages
    inner join fct_package_holdings as holdings using (package_id)
    inner join scope using (client_id)
    group by group_packages.group_number, scope.client_id, scope.currency

    union all

    -- `No package`: until the first package of all.
    select %(no_package_group)s::int, scope.client_id, scope.currency, null, min(holdings.held_since)
    from scope
    left join fct_package_holdings as holdings using (client_id)
    where %(no_package_group)s::int is not null
    group by scope.client_id, scope.currency
)
