-- Create the table `members`: which clients are in which package group, at the ends of which periods
-- (definition: Grouping by package).
-- Grain: one row per group and client. Clients that are in a group at no period's end have no row.
-- Columns: group_number, client, first_period, last_period (from 1, both included).
-- Needs: tables holdings, scope, group_packages, end_slots; macro end_slot; variables `query`, `periods`.
create temp table members as
with

-- A client is in a group of packages from the first time that it holds one of them.
memberships as (
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
    -- A client is in the group `No package` until it first holds any package.
    select
        cast(getvariable('query').no_package_group as integer) as group_number,
        scope.client,
        null as since,
        first_held.until
    from scope
    left join (
        select client, min(held_since) as until
        from holdings
        group by client
    ) as first_held on scope.client = first_held.client
    where cast(getvariable('query').no_package_group as integer) is not null
),

membership_periods as (
    select
        memberships.group_number,
        memberships.client,
        case
            when memberships.since is null then 1
            when memberships.since >= getvariable('periods').last_end then getvariable('periods').count + 1
            when memberships.since >= since_slot.boundary then since_slot.count_after + 1
            else since_slot.count_before + 1
        end as first_period,
        case
            when memberships.until is null or memberships.until >= getvariable('periods').last_end
                then getvariable('periods').count
            when memberships.until >= until_slot.boundary then until_slot.count_after
            else until_slot.count_before
        end as last_period
    from memberships
    inner join end_slots as since_slot
        on since_slot.slot = end_slot(memberships.since)
    inner join end_slots as until_slot
        on until_slot.slot = end_slot(memberships.until)
)

select * from membership_periods
where first_period <= last_period;
