-- Apply the changes of one build to the copy of a part, which is the current database.
-- Variables: part (number of the part), next_client (number of the next new client).
-- Reads: incoming_changes (one row per changed client: its events from rebuild_from on are replaced),
-- incoming_clients (rows of clients with changed attributes), incoming_events (the new events).
-- Creates: changed (one row per changed client of this part), added_events (its new events).

create or replace temp table changed as
select
    changes.client_id,
    changes.attributes_changed,
    changes.rebuild_from,
    coalesce(clients.client, getvariable('next_client') + row_number() over (
        partition by clients.client is null order by changes.client_id
    ) - 1) as client,
    clients.client is null as is_new
from incoming_changes as changes
left join clients on changes.client_id = clients.client_id
where changes.part = getvariable('part');

delete from clients
where client in (select client from changed where attributes_changed);

insert into clients
select changed.client, rows.client_id, name, client_type, owner_id, currency, created_at, tags
from incoming_clients as rows
inner join changed on rows.client_id = changed.client_id
where changed.attributes_changed
order by changed.client;

delete from events using changed
where events.client = changed.client and events.occurred_at >= changed.rebuild_from;

delete from lapses using changed
where lapses.client = changed.client and lapses.occurred_at >= changed.rebuild_from;

delete from holdings
where client in (select client from changed);

create or replace temp table added_events as
select
    clients.client,
    clients.client_type,
    currencies.currency,
    events.occurred_at,
    coalesce(events.valid_to, 'infinity') as valid_to,
    events.kind,
    coalesce(packages.package, 0) as package,
    exact(events.amount) as amount,
    exact(events.balance) as balance,
    events.last_paid_at,
    events.is_created
from incoming_events as events
inner join changed on events.client_id = changed.client_id
inner join clients on changed.client = clients.client
inner join common.currencies on clients.currency = currencies.code
left join common.packages as packages on events.package_id = packages.package_id;

insert into events
select * from added_events
order by client, occurred_at;

insert into lapses
select * from added_events
where valid_to > last_paid_at + interval 26 days and valid_to > occurred_at
order by client, occurred_at;

insert into holdings
select client, package, min(occurred_at)
from events
where
    client in (select client from changed)
    and package <> 0
    and kind in ('package_activation', 'package_renewal')
group by client, package
order by package, client;
