-- Describe the tables and columns of the schema `dynamics`. The documentation is generated from this.

comment on table dynamics.loads is
    'One row per load. A pipeline of your own can add a row to say up to when its data is complete.';
comment on column dynamics.loads.load_id is 'Number of the load.';
comment on column dynamics.loads.as_of is 'The instant up to which the data of billing is complete.';
comment on column dynamics.loads.loaded_at is 'The instant at which the load finished.';
comment on column dynamics.loads.source is 'Where the data came from; any text.';
comment on column dynamics.loads.row_counts is 'Rows of the extract by table.';

comment on table dynamics.builds is 'The ledger of builds: one row per build.';
comment on column dynamics.builds.build_id is 'Number of the build.';
comment on column dynamics.builds.marts_schema is 'The schema with the marts.';
comment on column dynamics.builds.as_of is 'The instant up to which the data of the build is complete.';
comment on column dynamics.builds.started_at is 'The instant at which the build started.';
comment on column dynamics.builds.finished_at is
    'The instant at which the build was published; null before. Reports read finished builds only.';
comment on column dynamics.builds.base_currency is 'The currency of the exchange rates.';
comment on column dynamics.builds.is_full is
    'True when the build computed all rows, false when it replaced the rows of changed clients.';

comment on table dynamics.build_steps is
    'One row per build and finished step. It is written in the transaction that changes the rows.';
comment on column dynamics.build_steps.build_id is 'The build.';
comment on column dynamics.build_steps.step is 'Name of the dbt model, or `dbt` for all models and tests.';
comment on column dynamics.build_steps.finished_at is 'The instant at which the step finished.';

comment on column dynamics.current_build.build_id is 'Number of the build.';
comment on column dynamics.current_build.as_of is 'The instant up to which the data is complete.';
comment on column dynamics.current_build.finished_at is 'The instant at which the build was published.';
comment on column dynamics.current_build.marts_schema is 'The schema with the marts.';
comment on column dynamics.current_build.source_xmin is
    'The build contains the changes of all transactions before this one.';
comment on column dynamics.current_build.project_hash is 'Hash of the dbt project that made the rows.';
comment on column dynamics.current_build.base_currency is 'The currency of the exchange rates.';

comment on column dynamics.pending_changes.xact_id is 'The transaction that made the change.';
comment on column dynamics.pending_changes.client_id is 'The client that changed; null for other changes.';
comment on column dynamics.pending_changes.currency is
    'The currency whose exchange rate changed; null for other changes.';
comment on column dynamics.pending_changes.changed_from is
    'The earliest instant at which events or rates differ; see change_log.';
comment on column dynamics.pending_changes.needs_full_build is 'True when the next build must be a full one.';

comment on column dynamics.changed_clients.client_id is 'The changed client.';
comment on column dynamics.changed_clients.changed_from is
    'The earliest instant at which its events differ; null means the whole history.';
comment on column dynamics.changed_clients.attributes_changed is
    'True when the row of the client, or its tags, changed.';

comment on table dynamics.report_stores is
    'One row per published report store. A build without a row uses the store of the build before it.';
comment on column dynamics.report_stores.build_id is 'The build that published the store.';
comment on column dynamics.report_stores.next_client is 'The number that the next new client gets in the store.';
comment on column dynamics.report_stores.events is 'Number of client events in the store.';
comment on column dynamics.report_stores.appended is
    'Number of events that were appended out of order since the store was last written in full.';

comment on table dynamics.report_store_files is 'One row per file of a report store.';
comment on column dynamics.report_store_files.build_id is 'The build that published the store.';
comment on column dynamics.report_store_files.part is 'Number of the part.';
comment on column dynamics.report_store_files.name is 'Name of the file.';
comment on column dynamics.report_store_files.bytes is 'Size of the file.';
comment on column dynamics.report_store_files.sha256 is
    'Hash of the file in the bucket; null when the store is not shared.';

comment on table dynamics.installation is
    'One row. Its id names the folder of the report store, so that databases can share a home.';
comment on column dynamics.installation.installation_id is 'Random id of this database.';

comment on table dynamics.snapshots is
    'The index of the archive: one row per snapshot. It can be rebuilt from the bucket.';
comment on column dynamics.snapshots.snapshot_id is 'Id of the snapshot, as in its link.';
comment on column dynamics.snapshots.manifest_sha256 is 'Hash of the manifest.';
comment on column dynamics.snapshots.manifest_version is
    'Version of the manifest in the bucket; null in a bucket without versions.';
comment on column dynamics.snapshots.title is 'Title of the report.';
comment on column dynamics.snapshots.saved_query is 'Name of the saved query; null when there is none.';
comment on column dynamics.snapshots.generated_by is
    'Who requested the report: `user NAME`, `schedule` or `backfill`.';
comment on column dynamics.snapshots.generated_at is 'The instant at which the report was computed.';
comment on column dynamics.snapshots.as_of is 'The instant up to which the data of the report is complete.';
comment on column dynamics.snapshots.parameters is 'The parameters of the report.';
comment on column dynamics.snapshots.revoked_at is 'The instant at which the link was revoked; null when it was not.';
comment on column dynamics.snapshots.expires_at is 'The instant at which the link ends; null when it does not.';
comment on column dynamics.snapshots.owner_ids is
    'The resellers of the clients in the report; null for the clients of all owners.';
comment on column dynamics.snapshots.opens is 'How often the page of the link was opened.';
comment on column dynamics.snapshots.last_opened_at is 'The instant of the last opening; null before the first.';

comment on table dynamics.schedules is 'One row per saved query that the scheduler has seen.';
comment on column dynamics.schedules.saved_query is 'Name of the saved query.';
comment on column dynamics.schedules.cron is 'The cron expression, as last seen.';
comment on column dynamics.schedules.timezone is 'The time zone of the schedule, as last seen.';
comment on column dynamics.schedules.since is
    'The sensor never runs a moment before this instant: it is finished, or the schedule did not exist yet.';
comment on column dynamics.schedules.looked_at is
    'The scheduler has seen all occurrences up to this instant. Later overdue ones were missed.';

comment on table dynamics.occurrences is
    'One row per occurrence of a saved query, per test mail, and per mail of a single query.';
comment on column dynamics.occurrences.occurrence_id is 'Number of the occurrence.';
comment on column dynamics.occurrences.purpose is
    'delivery: a scheduled moment; test: `deliver --to`; query: `query --send-to`.';
comment on column dynamics.occurrences.saved_query is 'Name of the saved query; null for a single query.';
comment on column dynamics.occurrences.scheduled_at is 'The scheduled moment.';
comment on column dynamics.occurrences.edition is
    'Number of the edition: 1 for the first reports, higher for those of `backfill --again`.';
comment on column dynamics.occurrences.slice is
    'Id of the owner of this slice, or its name as written if the data does not have it; empty for the whole report.';
comment on column dynamics.occurrences.snapshot_id is 'Id of the snapshot; it is reserved first.';
comment on column dynamics.occurrences.generated_by is
    'Who requested the report: `user NAME`, `schedule` or `backfill`.';
comment on column dynamics.occurrences.created_at is 'The instant at which the occurrence was recorded.';

comment on table dynamics.deliveries is 'The mail records: one row per occurrence and recipient.';
comment on column dynamics.deliveries.delivery_id is 'Number of the mail.';
comment on column dynamics.deliveries.occurrence_id is 'The occurrence whose mail this is.';
comment on column dynamics.deliveries.recipient is
    'Address of the recipient; `nobody` for an owner without an address.';
comment on column dynamics.deliveries.header is 'The header that names the recipient: to, cc or bcc.';
comment on column dynamics.deliveries.state is 'queued, sending, sent, failed, unknown or skipped.';
comment on column dynamics.deliveries.attempts is 'Number of attempts.';
comment on column dynamics.deliveries.message_id is 'Message-ID of the mail; null before the first attempt.';
comment on column dynamics.deliveries.reply is 'Last answer of the mail server, or the reason of the state.';
comment on column dynamics.deliveries.not_before is 'The earliest instant of the next attempt.';
comment on column dynamics.deliveries.lease is 'The worker that has claimed the mail; null when none has.';
comment on column dynamics.deliveries.leased_until is 'The instant at which the claim ends.';
comment on column dynamics.deliveries.queued_at is 'The instant at which the mail was queued.';
comment on column dynamics.deliveries.sending_at is 'The instant at which the last attempt began to send.';
comment on column dynamics.deliveries.finished_at is 'The instant of the final state; null before.';

comment on table dynamics.failures is
    'One row per failure that is not the failure of a mail, with its failure mail.';
comment on column dynamics.failures.failure is 'Key of the failure.';
comment on column dynamics.failures.saved_query is 'Name of the saved query; null when it belongs to none.';
comment on column dynamics.failures.scheduled_at is 'The scheduled moment; null when it belongs to none.';
comment on column dynamics.failures.addresses is 'The addresses to notify.';
comment on column dynamics.failures.subject is 'Subject of the failure mail.';
comment on column dynamics.failures.body is 'Text of the failure mail.';
comment on column dynamics.failures.happened_at is 'The instant of the failure.';

comment on table dynamics.users is 'One row per user of the pages.';
comment on column dynamics.users.name is 'Name of the user.';
comment on column dynamics.users.password_hash is 'Argon2id hash of the password; null with an OpenID provider.';
comment on column dynamics.users.subject is 'Subject at the OpenID provider; null with a password.';
comment on column dynamics.users.role is 'viewer, analyst or admin.';
comment on column dynamics.users.owner_id is 'The reseller to which the user is bound; null for a user who sees all clients.';
comment on column dynamics.users.added_at is 'The instant at which the user was added.';

comment on table dynamics.sessions is 'One row per signed-in browser.';
comment on column dynamics.sessions.token_sha256 is 'Hash of the cookie.';
comment on column dynamics.sessions.user_name is 'The user.';
comment on column dynamics.sessions.expires_at is 'The instant at which the session ends.';

comment on table dynamics.query_jobs is 'One row per report that a visitor has requested on a page.';
comment on column dynamics.query_jobs.job is 'Hash of the form and its token.';
comment on column dynamics.query_jobs.visitor is 'The visitor.';
comment on column dynamics.query_jobs.snapshot_id is 'Id of the snapshot; it is reserved first.';
comment on column dynamics.query_jobs.state is 'computing, keeping, mailing, done, failed or cancelled.';
comment on column dynamics.query_jobs.problem is 'The reason of a failure; null when there is none.';
comment on column dynamics.query_jobs.began_at is 'The instant at which the job began.';
comment on column dynamics.query_jobs.finished_at is 'The instant at which the job ended; null before.';
