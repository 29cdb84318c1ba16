-- The tables of the schema `billing` (definition: Source tables). tests/source/test_contract.py compares
-- the lists of values with orchestration/domain.py.
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

-- Builds read the transactions of a client from an instant on. Deleting a client searches them too.
create index if not exists transactions_client_occurred_at on billing.transactions (client_id, occurred_at);

create table if not exists billing.exchange_rates (
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    valid_from date not null,
    rate numeric(38, 18) not null check (rate > 0),
    primary key (currency, valid_from)
);

comment on schema billing is 'The source data of the billing system, as the last extract has it.';

comment on table billing.clients is 'One row per client, with its present attributes.';
comment on column billing.clients.client_id is 'Id of the client; it never changes.';
comment on column billing.clients.name is 'Display name; any text.';
comment on column billing.clients.client_type is 'client, reseller, calling_card or call_shop.';
comment on column billing.clients.owner_id is
    'The reseller that owns the client directly; null when the company does.';
comment on column billing.clients.currency is 'ISO 4217 code of all amounts of the client.';
comment on column billing.clients.created_at is
    'The instant at which the client was created. Transactions can be back-dated before it.';
comment on column billing.clients.updated_at is
    'The instant at which the billing system last changed the row.';

comment on table billing.client_tags is 'One row per client and tag.';
comment on column billing.client_tags.client_id is 'The client that has the tag.';
comment on column billing.client_tags.tag is 'The tag; any text.';

comment on table billing.packages is 'One row per package of services that clients subscribe to.';
comment on column billing.packages.package_id is 'Id of the package; it never changes.';
comment on column billing.packages.name is 'Display name; any text.';

comment on table billing.transactions is 'One row per transaction of a client, as corrected last.';
comment on column billing.transactions.transaction_id is 'Id of the transaction; a correction keeps it.';
comment on column billing.transactions.client_id is 'The client whose balance the transaction changes.';
comment on column billing.transactions.occurred_at is
    'The instant of the transaction; it can be back-dated or corrected.';
comment on column billing.transactions.kind is
    'refill, usage (outside any package), package_activation, package_renewal, transfer or adjustment.';
comment on column billing.transactions.amount is
    'Amount in the client''s currency; negative when the balance falls, so a charge is negative.';
comment on column billing.transactions.package_id is
    'The package of the transaction; null when there is none.';
comment on column billing.transactions.updated_at is
    'The instant at which the billing system last changed the row.';
comment on column billing.transactions.voided_at is
    'The instant at which the transaction was voided; null while it counts. Voided ones never count.';

comment on table billing.exchange_rates is
    'One row per currency and first UTC date of a rate. The rate holds until the next row of the currency.';
comment on column billing.exchange_rates.currency is 'ISO 4217 code.';
comment on column billing.exchange_rates.valid_from is 'The first UTC date of the rate.';
comment on column billing.exchange_rates.rate is 'Value of one unit of the currency in the base currency.';
