-- Clients in scope as far as type, owner and tags say (definition: Scope).
-- Grain: one row a client.
create or replace temp view scope as
select client, currency, owner_id
from clients
where
    client_type = getvariable('client_type')
    and (getvariable('owner_ids') is null or owner_id in (select unnest(getvariable('owner_ids'))))
    and (getvariable('client_tags') is null or list_has_any(tags, getvariable('client_tags')));

-- Where the states and flows of a report come from: one of these becomes the view `scoped_events`.

-- Events of all clients of a type.
create or replace temp macro events_of_type() as table
select * from events
where client_type = getvariable('client_type');

-- Events of the clients in `scope`. The type is asked for as well, because whole stretches of a store
-- hold one type and are left out without a look at their clients.
create or replace temp macro events_of_scope() as table
select * from events
where client_type = getvariable('client_type') and client in (select client from scope);

-- States of all clients of a type in which a client can count as no longer active.
create or replace temp macro lapses_of_type() as table
select * from lapses
where client_type = getvariable('client_type');
