-- Fill a new part, which is the current database. Rows are sorted by type, owner and client, so that the
-- rows of one owner are stored together.
-- Variables: part (number of the part).
-- Reads: incoming_clients, incoming_events.

insert into clients
select client, client_id, name, client_type, owner_id, currency, created_at, tags
from incoming_clients
where part = getvariable('part')
order by client;

insert into events
select
    clients.client,
    clients.client_type,
    currencies.currency,
    events.occurred_at,
    coalesce(events.valid_to, 'infinity'),
    events.kind,
    coalesce(packages.package, 0),
    exact(events.amount),
    exact(events.balance),
    events.last_paid_at,
    events.is_created
from incoming_events as events
inner join clients on events.client_id = clients.client_id
inner join common.currencies on clients.currency = currencies.code
left join common.packages as packages on events.package_id = packages.package_id
order by clients.client, events.occurred_at;

insert into holdings
select client, package, min(occurred_at)
from events
where package <> 0 and kind in ('package_activation', 'package_renewal')
group by client, package
order by package, client;

-- An active duration is at least one month. 26 days are less than the shortest month, also where a
-- clock change or a move of the date line shortens it.
insert into lapses
select * from events
where valid_to > last_paid_at + interval 26 days and valid_to > occurred_at
order by client, occurred_at;
