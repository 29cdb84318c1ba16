-- Apply the changes of one build to the copy of the common file: all dimensions, the daily flows of the
-- changed dates, and the daily cohorts from `from_date` on.
-- Variables: from_date (the first changed UTC date).
-- Reads: incoming_packages, incoming_clients, incoming_flows, incoming_cohorts, changed_flow_dates.

create or replace temp table renumbered as
select
    coalesce(stored.package, (select coalesce(max(package), 0) from common.packages) + row_number() over (
        partition by stored.package is null order by incoming.name, incoming.package_id
    )) as package,
    incoming.package_id,
    incoming.name
from incoming_packages as incoming
left join common.packages as stored on incoming.package_id = stored.package_id;

delete from common.packages;

insert into common.packages
select package, package_id, name from renumbered
order by package;

insert into common.currencies
select
    (select coalesce(max(currency), 0) from common.currencies) + row_number() over (order by currency),
    currency
from (select distinct currency from incoming_clients)
where currency not in (select code from common.currencies);

delete from common.daily_flows
where utc_date in (select utc_date from changed_flow_dates);

insert into common.daily_flows
select client_type, currencies.currency, utc_date, kind, quantity, cast(amount as decimal(38, 6))
from incoming_flows as flows
inner join common.currencies on flows.currency = currencies.code
order by client_type, utc_date, currencies.currency, kind;

delete from common.daily_cohorts
where utc_date >= getvariable('from_date');

insert into common.daily_cohorts
select
    changes.client_type,
    changes.cohort,
    currencies.currency,
    changes.utc_date,
    coalesce(before.created_clients, 0) + sum(changes.created_clients) over so_far,
    coalesce(before.positive_clients, 0) + sum(changes.positive_clients) over so_far,
    coalesce(before.negative_clients, 0) + sum(changes.negative_clients) over so_far,
    coalesce(before.clients, 0) + sum(changes.clients) over so_far,
    coalesce(before.positive_balance, 0) + sum(cast(changes.positive_balance as decimal(38, 6))) over so_far,
    coalesce(before.negative_balance, 0) + sum(cast(changes.negative_balance as decimal(38, 6))) over so_far
from incoming_cohorts as changes
inner join common.currencies on changes.currency = currencies.code
left join (
    select distinct on (client_type, cohort, currency) *
    from common.daily_cohorts
    order by client_type, cohort, currency, utc_date desc
) as before
    on
        changes.client_type = before.client_type
        and changes.cohort = before.cohort
        and currencies.currency = before.currency
window so_far as (partition by changes.client_type, changes.cohort, currencies.currency order by changes.utc_date)
order by changes.client_type, changes.cohort, changes.utc_date, currencies.currency;
