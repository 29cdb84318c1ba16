-- The tables of the common file: rows that belong to no client.

-- Grain: one row per package. `package` is a number above 0 that stays the same in later builds.
create table packages (
    package integer not null,
    package_id varchar not null,
    name varchar not null
);

-- Grain: one row per currency of clients. `currency` is a number above 0 that stays the same in later
-- builds.
create table currencies (
    currency smallint not null,
    code varchar not null
);

-- Grain: one row per currency and first UTC date of a rate.
create table exchange_rates (
    currency varchar not null,
    valid_from date not null,
    rate decimal(38, 18) not null
);

-- Grain: one row per client type, currency, UTC date and transaction kind.
create table daily_flows (
    client_type enum ('calling_card', 'call_shop', 'client', 'reseller') not null,
    currency smallint not null,
    utc_date date not null,
    kind enum ('refill', 'usage', 'package_activation', 'package_renewal', 'transfer', 'adjustment', 'created') not null,
    quantity bigint not null,
    amount decimal(38, 6) not null
);

-- Grain: one row per client type, cohort, currency and UTC date on which the cohort changed. The
-- measures describe the cohort at the end of that date.
create table daily_cohorts (
    client_type enum ('calling_card', 'call_shop', 'client', 'reseller') not null,
    cohort varchar not null,
    currency smallint not null,
    utc_date date not null,
    created_clients bigint not null,
    positive_clients bigint not null,
    negative_clients bigint not null,
    clients bigint not null,
    positive_balance decimal(38, 6) not null,
    negative_balance decimal(38, 6) not null
);

-- Grain: one row per client type and UTC date with transactions: the first and the last of them.
create table daily_spans (
    client_type enum ('calling_card', 'call_shop', 'client', 'reseller') not null,
    utc_date date not null,
    first_at timestamptz not null,
    last_at timestamptz not null
);
