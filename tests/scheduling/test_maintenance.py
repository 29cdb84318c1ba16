"""Maintenance: waiting mails, and the deletion of old runs and query jobs."""

from datetime import UTC, datetime, timedelta

import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter

from orchestration.scheduling.maintenance import (
    end_dead_runs,
    is_upkeep_needed,
    prune_query_jobs,
    prune_runs,
)


@pytest.fixture(scope="module")
def shared_instance(tmp_path_factory):
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def instance(shared_instance):
    """Return a Dagster instance without runs."""
    shared_instance.wipe()
    return shared_instance


def test_upkeep_is_needed_for_due_mails(database):
    def replace_mail(**changes):
        database.execute("delete from dynamics.deliveries")
        database.execute("delete from dynamics.occurrences")
        row = {"state": "queued", "minutes": 5, "due": 5, "leased": None} | changes
        database.execute(
            """
            with o as (
                insert into dynamics.occurrences (saved_query, scheduled_at, snapshot_id, generated_by)
                values ('one', now(), 'x', 'schedule') returning occurrence_id
            )
            insert into dynamics.deliveries
                (occurrence_id, recipient, header, state, queued_at, not_before, leased_until)
            select occurrence_id, 'a@example.com', 'to', %(state)s, now() - %(minutes)s * interval '1 minute',
                now() - %(due)s * interval '1 minute', now() - %(leased)s * interval '1 minute'
            from o
            """,
            row,
        )

    for needed, row in (
        (True, {}),
        (True, {"leased": 1}),
        (True, {"state": "sending", "leased": 1}),
        (False, {"minutes": 0}),
        (False, {"due": -5}),
        (False, {"leased": -5}),
        (False, {"state": "sending", "leased": -5}),
        (False, {"state": "sent"}),
        (False, {"state": "skipped"}),
    ):
        replace_mail(**row)
        assert is_upkeep_needed(database) is needed, row


def test_old_finished_runs_are_deleted(instance, change_settings):
    change_settings(keep_runs_days=30)
    statuses = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.STARTED)
    for status in statuses:
        instance.add_run(DagsterRun(job_name="x", status=status))
    now = datetime.now(UTC)
    assert prune_runs(instance, now + timedelta(days=29)) == 0
    assert prune_runs(instance, now + timedelta(days=31)) == 2
    assert [run.status for run in instance.get_runs()] == [DagsterRunStatus.STARTED]


def test_old_query_jobs_are_deleted(database, change_settings):
    change_settings(keep_runs_days=30)
    now = datetime.now(UTC)
    for job, days, ended in (("ended", 29, True), ("lost", 29, False), ("recent", 0, True)):
        began = now - timedelta(days=days)
        database.execute(
            "insert into dynamics.query_jobs (job, visitor, snapshot_id, query_string, began_at, finished_at)"
            " values (%s, 'somebody', %s, '', %s, %s)",
            [job, f"snapshot of {job}", began, began if ended else None],
        )
    assert prune_query_jobs(database, now) == 0
    assert prune_query_jobs(database, now + timedelta(days=2)) == 2
    assert prune_query_jobs(database, now + timedelta(days=31)) == 1


def test_runs_of_a_killed_scheduler_are_ended(instance):
    launched = {"dagster/code_location": "customer_dynamics"}
    for tags in (launched, {"dagster/code_location": "another_location"}, {}):
        instance.add_run(DagsterRun(job_name="x", status=DagsterRunStatus.STARTED, tags=tags))
    assert end_dead_runs(instance) == 1
    (failed,) = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
    assert failed.tags == launched
