-- The tables of one part of the report store: some of the clients, with all their events.
-- Amounts are decimal(18, 6), because DuckDB stores and sums these as 64-bit integers. `widen.sql`
-- makes them wider.

-- Grain: one row per client. `client` is a number that is unique in the whole store.
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

-- Grain: one row per event of a client, with the client's state after it. The state holds at every
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

-- Grain: one row per client and package. `held_since` is the first activation or renewal.
create table holdings (
    client integer not null,
    package integer not null,
    held_since timestamptz not null
);

-- Grain: one row per state that lasts so long after the last paid service that the client can be no
-- longer active. It is a part of `events`. Reports about all clients of a type read only this part.
create table lapses as from events limit 0;
