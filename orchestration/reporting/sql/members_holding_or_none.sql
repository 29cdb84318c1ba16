members as materialized (
    ({holders})

    union all

    -- `No package`: until the first package of all.
    select
        %(no_package_group)s::int,
        scope.client_id,
        scope.currency,
        1,
        case when min(holdings.held_since) is null then %(periods)s else width_bucket(min(holdings.held_since), %(ends)s) end
    from scope
    left join fct_package_holdings as holdings using (client_id)
    group by scope.client_id, scope.currency
)
