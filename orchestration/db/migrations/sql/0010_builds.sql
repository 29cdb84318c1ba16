-- Views of the ledger of builds and of the change log.

create view dynamics.current_build as
select build_id, as_of, finished_at, marts_schema, source_xmin, project_hash, base_currency
from dynamics.builds
where finished_at is not null
order by build_id desc
limit 1;
comment on view dynamics.current_build is
    'The last finished build, which all reports read. No row before the first build.';

create view dynamics.pending_changes as
select xact_id, client_id, currency, changed_from, needs_full_build
from dynamics.change_log
where xact_id >= coalesce((select source_xmin from dynamics.current_build), xid8 '0');
comment on view dynamics.pending_changes is
    'The rows of change_log that the current build does not contain.';

create view dynamics.changed_clients as
select
    client_id,
    case when bool_and(changed_from is not null) then min(changed_from) end as changed_from,
    bool_or(changed_from is null or changed_from = 'infinity') as attributes_changed
from dynamics.pending_changes
where client_id is not null
group by client_id;
comment on view dynamics.changed_clients is
    'One row per client with pending changes. attributes_changed is true when the row of the client, '
    'or its tags, changed.';
