-- One part of the report store: the clients whose ids fall into it, and everything that happened to them.
-- Amounts are decimal(18, 6), which DuckDB stores and sums as integers. `widen.sql` makes them wider.

-- Grain: one row a client. `client` is a number that is unique in the whole store.
create table clients (
    client integer not null,
    client_id varchar not null,
    name varchar not null,
    client_type varchar not null,
    owner_id varchar not null,
    currency varchar not null,
    created_at timestamptz not null,
    tags varchar[] not null
);

-- Grain: one row an event of a client, with the client's state after it. The state holds at every
-- instant e with occurred_at < e <= valid_to. `package` is 0 for an event without a package.
create table events (
    client integer not null,
    client_type enum ('calling_card', 'call_shop', 'client', 'reseller') not null,
    currency smallint not null,
    occurred_at timestamptz not null,
    valid_to timestamptz not null,
    kind enum ('refill', 'usage', 'package_activation', 'package_renewal', 'transfer', 'adjustment', 'created') not null,
    package integer not null,
    amount decimal(18, 6) not null,
    balance decimal(18, 6) not null,
    last_paid_at timestamptz,
    is_created boolean not null
);

-- Grain: one row a client and package, from the first activation or renewal of the package.
create table holdings (
    client integer not null,
    package integer not null,
    held_since timestamptz not null
);

-- Grain: one row a state in which the client can count as no longer active: the part of `events`
-- that answers reports about all clients of a type.
create table lapses as from events limit 0;
