create schema if not exists billing;

create table if not exists billing.clients (
    client_id text primary key,
    name text not null,
    client_type text not null check (client_type in ('client', 'reseller', 'calling_card', 'call_shop')),
    owner_id text references billing.clients check (owner_id <> client_id),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table if not exists billing.client_tags (
    client_id text not null references billing.clients,
    tag text not null,
    primary key (client_id, tag)
);

create table if not exists billing.packages (
    package_id text primary key,
    name text not null
);

create table if not exists billing.transactions (
    transaction_id text primary key,
    client_id text not null references billing.clients,
    occurred_at timestamptz not null,
    kind text not null check (
        kind in ('refill', 'usage', 'package_activation', 'package_renewal', 'transfer', 'adjustment')
    ),
    amount numeric(20, 6) not null,
    package_id text references billing.packages,
    updated_at timestamptz not null,
    voided_at timestamptz
);

-- A build reads what a client did from an instant on. Deleting a client looks for its transactions.
create index if not exists transactions_client_occurred_at on billing.transactions (client_id, occurred_at);

create table if not exists billing.exchange_rates (
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    valid_from date not null,
    rate numeric(38, 18) not null check (rate > 0),
    primary key (currency, valid_from)
);

comment on schema billing is 'The source: what the billing product knows, as its last extract told it.';

comment on table billing.clients is 'A row is a client as it is now.';
comment on column billing.clients.client_id is 'The client''s lasting id.';
comment on column billing.clients.name is 'What people call the client; free text.';
comment on column billing.clients.client_type is 'client, reseller, calling_card or call_shop.';
comment on column billing.clients.owner_id is 'The reseller that the client belongs to directly; null when it has none.';
comment on column billing.clients.currency is 'ISO 4217 code that all amounts of the client are in.';
comment on column billing.clients.created_at is 'When the client came to be; transactions may be back-dated before it.';
comment on column billing.clients.updated_at is 'When billing last changed the row.';

comment on table billing.client_tags is 'A row is one tag that a client has now.';
comment on column billing.client_tags.client_id is 'The client that has the tag.';
comment on column billing.client_tags.tag is 'The tag; free text.';

comment on table billing.packages is 'A row is a package of services that clients subscribe to.';
comment on column billing.packages.package_id is 'The package''s lasting id.';
comment on column billing.packages.name is 'What people call the package; free text.';

comment on table billing.transactions is 'A row is one movement of one client''s balance, as corrected last.';
comment on column billing.transactions.transaction_id is 'The movement''s lasting id; a correction keeps it.';
comment on column billing.transactions.client_id is 'The client whose balance moves.';
comment on column billing.transactions.occurred_at is 'The instant it counts from; may be back-dated or corrected.';
comment on column billing.transactions.kind is
    'refill, usage (outside any package), package_activation, package_renewal, transfer or adjustment.';
comment on column billing.transactions.amount is
    'In the client''s currency, signed as it moves the balance: a charge is negative.';
comment on column billing.transactions.package_id is 'The package it is about; null when it is about none.';
comment on column billing.transactions.updated_at is 'When billing last changed the row.';
comment on column billing.transactions.voided_at is 'When it was voided; a voided transaction counts nowhere. Null when it stands.';

comment on table billing.exchange_rates is 'A row is a rate, from its date until the next row of its currency.';
comment on column billing.exchange_rates.currency is 'ISO 4217 code.';
comment on column billing.exchange_rates.valid_from is 'The first UTC date that the rate holds on.';
comment on column billing.exchange_rates.rate is 'What one unit of the currency is worth in the base currency.';
