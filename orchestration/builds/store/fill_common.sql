-- Fill a new common file from the dimensions and daily marts.
-- Reads: incoming_packages, incoming_clients, incoming_flows, incoming_cohorts.

insert into common.packages
select row_number() over (order by name, package_id), package_id, name
from incoming_packages
order by 1;

insert into common.currencies
select row_number() over (order by currency), currency
from (select distinct currency from incoming_clients)
order by 1;

insert into common.daily_flows
select client_type, currencies.currency, utc_date, kind, quantity, cast(amount as decimal(38, 6))
from incoming_flows as flows
inner join common.currencies on flows.currency = currencies.code
order by client_type, utc_date, currencies.currency, kind;

insert into common.daily_cohorts
select
    client_type,
    cohort,
    currencies.currency,
    utc_date,
    sum(created_clients) over so_far,
    sum(positive_clients) over so_far,
    sum(negative_clients) over so_far,
    sum(clients) over so_far,
    sum(cast(positive_balance as decimal(38, 6))) over so_far,
    sum(cast(negative_balance as decimal(38, 6))) over so_far
from incoming_cohorts as changes
inner join common.currencies on changes.currency = currencies.code
window so_far as (partition by client_type, cohort, currencies.currency order by utc_date)
order by client_type, cohort, utc_date, currencies.currency;
