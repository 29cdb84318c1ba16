-- Members of package groups: in the group at the ends of the periods first_period to last_period
-- (definition: Grouping by package).
-- Grain: one row a group and client. Clients that are in a group at no period's end are left out.
create temp table members as
with

-- From when on a client is in a group: one of the group's packages is held.
held as (
    select
        group_packages.group_number,
        holdings.client,
        min(holdings.held_since) as since,
        cast(null as timestamptz) as until
    from holdings
    inner join group_packages on holdings.package = group_packages.package
    where holdings.client in (select client from scope)
    group by group_packages.group_number, holdings.client
    union all
    -- The group `No package`: until the first package of all.
    select
        cast(getvariable('asked').no_package_group as integer) as group_number,
        scope.client,
        null as since,
        first_held.until
    from scope
    left join (
        select client, min(held_since) as until
        from holdings
        group by client
    ) as first_held on scope.client = first_held.client
    where cast(getvariable('asked').no_package_group as integer) is not null
),

numbered as (
    select
        held.group_number,
        held.client,
        case
            when held.since is null then 1
            when held.since >= getvariable('asked').last_end then getvariable('asked').periods + 1
            when held.since >= since_slot.boundary then since_slot.count_after + 1
            else since_slot.count_before + 1
        end as first_period,
        case
            when held.until is null or held.until >= getvariable('asked').last_end then getvariable('asked').periods
            when held.until >= until_slot.boundary then until_slot.count_after
            else until_slot.count_before
        end as last_period
    from held
    inner join end_slots as since_slot
        on since_slot.slot = end_slot(held.since)
    inner join end_slots as until_slot
        on until_slot.slot = end_slot(held.until)
)

select * from numbered
where first_period <= last_period;
