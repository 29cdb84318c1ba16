"""The sensor `due`: it requests runs for open moments."""

from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRun, DagsterRunStatus
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
from orchestration.deliveries.catch_up import register_schedules
from orchestration.saved_queries.reader import read_saved_queries
from orchestration.saved_queries.saved_query import SavedQuery
from orchestration.scheduling.assets import build_snapshot_key, delivery_key
from orchestration.scheduling.missed_runs_sensor import build_run_requests, filter_switched_on
from orchestration.scheduling.run_tags import ATTEMPT, MAX_ATTEMPTS, SCHEDULE
from orchestration.scheduling.schedules import find_schedule_name, split_by_readiness

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
NAME = find_schedule_name(ONE)


@pytest.fixture(scope="module")
def shared_instance(tmp_path_factory):
    with DagsterInstance.local_temp(str(tmp_path_factory.mktemp("dagster"))) as instance:
        yield instance


@pytest.fixture
def instance(shared_instance):
    """Return a Dagster instance without runs. All its schedules are on."""
    shared_instance.wipe()
    shared_instance.schedule_storage.wipe()
    return shared_instance


@pytest.fixture
def add_run(instance):
    """Return a function that adds a run of saved queries for MOMENT."""

    def add_run(*saved_queries, status=DagsterRunStatus.FAILURE):
        keys = frozenset(
            key(saved_query) for saved_query in saved_queries for key in (build_snapshot_key, delivery_key)
        )
        tags = {SCHEDULE: NAME, "dagster/partition": KEY}
        return instance.add_run(DagsterRun(job_name="due", status=status, tags=tags, asset_selection=keys))

    return add_run


def requested(instance, *saved_queries, after=timedelta()):
    """Return the saved queries of each run request, at the time `after` from now."""
    requests = build_run_requests(instance, {(NAME, MOMENT): list(saved_queries)}, datetime.now(UTC) + after)
    return [{key.path[-1] for key in request.asset_selection} for request in requests]


def test_open_moments_share_one_run(instance):
    (request,) = build_run_requests(instance, {(NAME, MOMENT): [ONE, TWO]}, MOMENT)
    assert request.partition_key == KEY
    assert request.tags == {SCHEDULE: NAME, ATTEMPT: "1"}
    assert len(request.asset_selection) == 4


def test_a_running_saved_query_is_not_requested_again(instance, add_run):
    add_run(ONE, status=DagsterRunStatus.STARTED)
    assert requested(instance, ONE, TWO, after=timedelta(days=1)) == [{"two"}]


def test_failed_runs_wait_longer_each_time(instance, add_run):
    for attempt in range(1, MAX_ATTEMPTS):
        add_run(ONE)
        wait = 5 * MINUTE * 2 ** (attempt - 1)
        assert requested(instance, ONE, after=wait - MINUTE) == []
        assert requested(instance, ONE, after=wait + MINUTE) == [{"one"}]
    add_run(ONE)
    assert requested(instance, ONE, after=timedelta(days=30)) == []


def test_each_attempt_has_its_own_run_key(instance, add_run):
    def key():
        (request,) = build_run_requests(
            instance, {(NAME, MOMENT): [ONE]}, datetime.now(UTC) + timedelta(days=1)
        )
        return request.run_key

    first, same = key(), key()
    add_run(ONE)
    assert first == same != key()


def test_the_oldest_moment_comes_first(instance):
    wanted = {(NAME, MOMENT + days * timedelta(days=1)): [ONE] for days in (2, 0, 1)}
    keys = [request.partition_key for request in build_run_requests(instance, wanted, MOMENT)]
    assert keys == sorted(keys)


def test_a_stopped_schedule_requests_nothing(instance):
    other = query("other", "0 8 1 * *")
    assert filter_switched_on(instance, [ONE, TWO, other]) == [ONE, TWO, other]
    # Dagster has no public function to stop a schedule without a running code location.
    code = RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("customer_dynamics"), "__repository__")
    stopped = InstigatorState(
        RemoteInstigatorOrigin(code, NAME),
        InstigatorType.SCHEDULE,
        InstigatorStatus.STOPPED,
        ScheduleInstigatorData("0 7 1 * *"),
    )
    instance.add_instigator_state(stopped)
    assert filter_switched_on(instance, [ONE, TWO, other]) == [other]


def test_a_schedule_runs_only_queries_with_fresh_data(templates, database, change_settings):
    waits = ONE.model_copy(
        update={"name": "waits", "delivery": ONE.delivery.model_copy(update={"after": "fresh"})}
    )
    assert split_by_readiness([ONE, waits], MOMENT) == (
        [ONE],
        ["waits waits for data until 2026-03-01 00:00:00+00:00: there is no build yet"],
    )
    database.execute(
        "insert into dynamics.builds (marts_schema, as_of, finished_at) values ('marts_a', %s, now())",
        [MOMENT],
    )
    database.commit()
    assert split_by_readiness([ONE, waits], MOMENT) == ([ONE, waits], [])
    change_settings(database_url="postgresql://nobody@127.0.0.1:9/none")
    ready, (reason,) = split_by_readiness([ONE, waits], MOMENT)
    assert ready == [ONE]
    assert "does not answer" in reason


@pytest.fixture
def templates(tmp_path, home, database_url, change_settings):
    """Return a new folder of saved queries, and use a new database."""
    change_settings(home=home, database_url=database_url, templates=tmp_path)
    return tmp_path


def tick(instance):
    """Evaluate the sensor `due` once, as Dagster does."""
    repository = defs().get_repository_def()
    with dg.build_sensor_context(instance=instance, repository_def=repository) as context:
        return repository.get_sensor_def("due").evaluate_tick(context)


def test_the_sensor_requests_valid_runs(templates, instance):
    text = "title: T\nquery: {interval: today}\ndelivery: {schedule: 'CRON', send_to: [a@example.com], catch_up: all}\n"
    for name, cron in (("often", "* * * * *"), ("hourly", "0 * * * *")):
        (templates / f"{name}.yaml").write_text(text.replace("CRON", cron))
    saved_queries, _ = read_saved_queries(templates)
    with database() as connection:
        register_schedules(connection, saved_queries.values(), datetime.now(UTC) - 70 * MINUTE)
    requests = tick(instance).run_requests
    assert {request.tags["dagster/partition"] for request in requests} == {
        request.partition_key for request in requests
    }
    names = [{key.path[-1] for key in request.asset_selection} for request in requests]
    assert len(requests) == 50, "a later look requests the rest"
    assert {"often"} in names


def test_the_sensor_handles_an_empty_folder(templates, instance):
    """A saved query that comes back must not deliver the moments of its absence."""
    with database() as connection:
        register_schedules(connection, [ONE], MOMENT)
    assert tick(instance).skip_message == "no open moments"
    with database() as connection:
        assert connection.execute("select count(*) from dynamics.schedules").fetchone() == (0,)


def test_the_sensor_reports_an_unavailable_database(templates, instance, change_settings):
    (templates / "one.yaml").write_text("title: T\nquery: {interval: today}\n")
    change_settings(database_url="postgresql://nobody@127.0.0.1:9/none")
    assert "does not answer" in tick(instance).skip_message
