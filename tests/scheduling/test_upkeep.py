"""What keeps the deliveries going: open moments are asked for, mails that wait are sent, old runs forgotten."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus, RunsFilter
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
)

from orchestration.connections import database
from orchestration.definitions import defs
from orchestration.deliveries.catching_up import register
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.saved_queries.saved_query_file import report_templates
from orchestration.scheduling.assets import delivery_key, snapshot_key
from orchestration.scheduling.due import requests, switched_on
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, SCHEDULE
from orchestration.scheduling.schedules import ready_at, schedule_name_of
from orchestration.scheduling.upkeep import end_dead_runs, is_needed, prune, prune_jobs

MOMENT = datetime(2026, 3, 1, 7, tzinfo=UTC)
KEY = "2026-03-01T07:00+0000"
MINUTE = timedelta(minutes=1)


def query(name, cron="0 7 1 * *"):
    return SavedQuery.model_validate(
        {
            "name": name,
            "title": name,
            "query": {"interval": "yesterday"},
            "delivery": {"send_to": ["a@example.com"], "schedule": cron},
        }
    )


ONE, TWO = query("one"), query("two")
NAME = schedule_name_of(ONE)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def instance(kept):
    """A Dagster without runs, whose schedules are all on."""
    kept.wipe()
    kept.schedule_storage.wipe()
    return kept


@pytest.fixture
def ran(instance):
    """A run of one moment of saved queries, as it stands in Dagster."""

    def ran(*saved_queries, status=DagsterRunStatus.FAILURE):
        keys = frozenset(key(each) for each in saved_queries for key in (snapshot_key, delivery_key))
        tags = {SCHEDULE: NAME, "dagster/partition": KEY}
        return instance.add_run(DagsterRun(job_name="due", status=status, tags=tags, asset_selection=keys))

    return ran


def asked(instance, *saved_queries, after=timedelta()):
    """Which saved queries are asked for, in runs of their own, so long after now."""
    made = requests(instance, {(NAME, MOMENT): list(saved_queries)}, datetime.now(UTC) + after)
    return [{key.path[-1] for key in request.asset_selection} for request in made]


def test_what_is_open_is_asked_for_in_one_run(instance):
    (request,) = requests(instance, {(NAME, MOMENT): [ONE, TWO]}, MOMENT)
    assert request.partition_key == KEY
    assert request.tags == {SCHEDULE: NAME, ATTEMPT: "1"}
    assert len(request.asset_selection) == 4


def test_what_is_in_a_run_is_not_asked_for_again_and_stops_no_other(instance, ran):
    ran(ONE, status=DagsterRunStatus.STARTED)
    assert asked(instance, ONE, TWO, after=timedelta(days=1)) == [{"two"}]


def test_what_has_failed_waits_longer_each_time_and_at_last_for_ever(instance, ran):
    for attempt in range(1, MAX_ATTEMPTS):
        ran(ONE)
        wait = 5 * MINUTE * 2 ** (attempt - 1)
        assert asked(instance, ONE, after=wait - MINUTE) == []
        assert asked(instance, ONE, after=wait + MINUTE) == [{"one"}]
    ran(ONE)
    assert asked(instance, ONE, after=timedelta(days=30)) == []


def test_a_further_attempt_is_another_request_and_the_same_attempt_is_not(instance, ran):
    def key():
        (request,) = requests(instance, {(NAME, MOMENT): [ONE]}, datetime.now(UTC) + timedelta(days=1))
        return request.run_key

    first, same = key(), key()
    ran(ONE)
    assert first == same != key()


def test_the_oldest_moment_comes_first(instance):
    wanted = {(NAME, MOMENT + days * timedelta(days=1)): [ONE] for days in (2, 0, 1)}
    keys = [request.partition_key for request in requests(instance, wanted, MOMENT)]
    assert keys == sorted(keys)


def test_a_schedule_that_somebody_has_stopped_asks_for_nothing(instance):
    other = query("other", "0 8 1 * *")
    assert switched_on(instance, [ONE, TWO, other]) == [ONE, TWO, other]
    code = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("customer_dynamics"), "__repository__")
    stopped = InstigatorState(
        RemoteInstigatorOrigin(code, NAME),
        InstigatorType.SCHEDULE,
        InstigatorStatus.STOPPED,
        ScheduleInstigatorData("0 7 1 * *"),
    )
    instance.add_instigator_state(stopped)
    assert switched_on(instance, [ONE, TWO, other]) == [other]


def test_on_time_only_those_are_run_whose_data_is_there(templates, database, environment):
    waits = ONE.model_copy(
        update={"name": "waits", "delivery": ONE.delivery.model_copy(update={"after": "fresh"})}
    )
    assert ready_at([ONE, waits], MOMENT) == (
        [ONE],
        ["waits waits for data until 2026-03-01 00:00:00+00:00: nothing was built yet"],
    )
    database.execute(
        "insert into dynamics.builds (marts_schema, as_of, finished_at) values ('marts_a', %s, now())",
        [MOMENT],
    )
    database.commit()
    assert ready_at([ONE, waits], MOMENT) == ([ONE, waits], [])
    environment(database_url="postgresql://nobody@127.0.0.1:9/none")
    ready, (reason,) = ready_at([ONE, waits], MOMENT)
    assert ready == [ONE]
    assert "does not answer" in reason


@pytest.fixture
def templates(tmp_path, home, database_url, environment):
    """A folder of saved queries, and a ledger, that nobody else uses."""
    environment(home=home, database_url=database_url, templates=tmp_path)
    return tmp_path


def tick(instance):
    """One look of the sensor `due`, as Dagster takes it."""
    repository = defs().get_repository_def()
    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        return repository.get_sensor_def("due").evaluate_tick(context)


def test_the_sensor_asks_dagster_for_runs_that_dagster_can_make(templates, instance):
    text = "title: T\nquery: {interval: today}\ndelivery: {schedule: 'CRON', send_to: [a@example.com], catch_up: all}\n"
    for name, cron in (("often", "* * * * *"), ("hourly", "0 * * * *")):
        (templates / f"{name}.yaml").write_text(text.replace("CRON", cron))
    saved_queries, _ = report_templates(templates)
    with database() as connection:
        register(connection, saved_queries.values(), datetime.now(UTC) - 70 * MINUTE)
    made = tick(instance).run_requests
    assert {request.tags["dagster/partition"] for request in made} == {
        request.partition_key for request in made
    }
    asked_for = [{key.path[-1] for key in request.asset_selection} for request in made]
    assert len(made) == 50, "the rest comes with a later look"
    assert {"often"} in asked_for


def test_the_sensor_looks_at_an_empty_folder_too(templates, instance):
    """Otherwise a saved query that comes back would fire what it slept through."""
    with database() as connection:
        register(connection, [ONE], MOMENT)
    assert tick(instance).skip_message == "nothing is open"
    with database() as connection:
        assert connection.execute("select count(*) from dynamics.schedules").fetchone() == (0,)


def test_the_sensor_says_that_the_database_is_away(templates, instance, environment):
    (templates / "one.yaml").write_text("title: T\nquery: {interval: today}\n")
    environment(database_url="postgresql://nobody@127.0.0.1:9/none")
    assert "does not answer" in tick(instance).skip_message


def test_mails_that_come_due_are_work_and_mails_that_are_under_way_are_not(database):
    def deliveries(**changes):
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
        deliveries(**row)
        assert is_needed(database) is needed, row


def test_old_runs_are_forgotten_and_those_at_work_are_not(instance, environment):
    environment(keep_runs_days=30)
    statuses = (DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.STARTED)
    for status in statuses:
        instance.add_run(DagsterRun(job_name="x", status=status))
    now = datetime.now(UTC)
    assert prune(instance, now + timedelta(days=29)) == 0
    assert prune(instance, now + timedelta(days=31)) == 2
    assert [run.status for run in instance.get_runs()] == [DagsterRunStatus.STARTED]


def test_old_questions_are_forgotten_and_those_of_late_are_not(database, environment):
    environment(keep_runs_days=30)
    now = datetime.now(UTC)
    for job, days, ended in (("ended", 29, True), ("lost", 29, False), ("of late", 0, True)):
        began = now - timedelta(days=days)
        database.execute(
            "insert into dynamics.query_jobs (job, visitor, snapshot_id, asked, began_at, finished_at)"
            " values (%s, 'somebody', %s, '', %s, %s)",
            [job, f"snapshot of {job}", began, began if ended else None],
        )
    assert prune_jobs(database, now) == 0
    assert prune_jobs(database, now + timedelta(days=2)) == 2
    assert prune_jobs(database, now + timedelta(days=31)) == 1


def test_what_a_killed_scheduler_left_running_is_ended_before_the_next_one_starts(instance):
    launched = {"dagster/code_location": "customer_dynamics"}
    for tags in (launched, {"dagster/code_location": "somebody_elses"}, {}):
        instance.add_run(DagsterRun(job_name="x", status=DagsterRunStatus.STARTED, tags=tags))
    assert end_dead_runs(instance) == 1
    (failed,) = instance.get_runs(RunsFilter(statuses=[DagsterRunStatus.FAILURE]))
    assert failed.tags == launched
