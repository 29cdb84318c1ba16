-- Rename tables and columns. All rows are kept.

-- These views read columns under their old names. 0010_builds.sql creates them again.
drop view dynamics.changed_clients;
drop view dynamics.changes;

alter table dynamics.touched rename to change_log;
alter table dynamics.change_log rename column changed_by to xact_id;
alter table dynamics.change_log rename column since to changed_from;
alter table dynamics.change_log rename column everything to needs_full_build;
alter index dynamics.touched_changed_by_idx rename to change_log_xact_id_idx;

alter table dynamics.builds rename column touched_before to source_xmin;
alter table dynamics.builds rename column models to project_hash;

alter table dynamics.occurrences rename column letter to mail_content;
alter table dynamics.deliveries rename column told_of to notified_for;
alter table dynamics.failures rename column told to notified;
alter table dynamics.failures rename column told_at to notified_at;
alter table dynamics.query_jobs rename column asked to query_string;

comment on table dynamics.change_log is
    'One row per statement and changed client, currency or table of billing. Triggers write it.';
comment on column dynamics.change_log.xact_id is 'The transaction that made the change.';
comment on column dynamics.change_log.client_id is
    'The client that changed; null when the change belongs to no client.';
comment on column dynamics.change_log.currency is
    'The currency whose exchange rate changed; null for all other changes.';
comment on column dynamics.change_log.changed_from is
    'The earliest instant at which events, or rates, differ before and after the change. Null means '
    'the whole history. Infinity means that no event changed.';
comment on column dynamics.change_log.needs_full_build is
    'True when the change cannot be described: the next build must be a full one.';

comment on column dynamics.builds.source_xmin is
    'The build contains the changes of all transactions before this one.';
comment on column dynamics.builds.project_hash is
    'Hash of the dbt project that made the rows. Another project needs a full build.';
comment on column dynamics.occurrences.mail_content is
    'Subject, recipients, formats and note of the mail; null before it is written.';
comment on column dynamics.deliveries.notified_for is
    'The finished_at of the failure that a failure mail has reported.';
comment on column dynamics.failures.notified is 'The addresses that have received the failure mail.';
comment on column dynamics.failures.notified_at is
    'The instant at which the last address was notified; null before.';
comment on column dynamics.query_jobs.query_string is 'The form, as the query string of an address.';
