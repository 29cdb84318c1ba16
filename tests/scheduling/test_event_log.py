"""Dagster's event log with open connections: other instances see new events at once."""

import dagster as dg
import pytest

from orchestration.scheduling.event_log import MAX_OPEN_FILES, EventLog
from orchestration.scheduling.instance import prepare_dagster_home
from orchestration.settings import settings


@pytest.fixture
def dagster_home(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "")
    settings.cache_clear()
    yield prepare_dagster_home()
    settings.cache_clear()


def test_runs_are_visible_at_once_with_few_open_files(dagster_home):
    @dg.op
    def work():
        pass

    @dg.job
    def job():
        work()

    with dg.DagsterInstance.get() as writer, dg.DagsterInstance.get() as reader:
        assert isinstance(writer.event_log_storage, EventLog)
        for _ in range(10):
            run = job.execute_in_process(instance=writer)
            kinds = {
                record.event_log_entry.dagster_event_type
                for record in reader.get_records_for_run(run.run_id).records
            }
            assert dg.DagsterEventType.RUN_SUCCESS in kinds
        assert writer.event_log_storage.open_file_count == MAX_OPEN_FILES
        assert len(list((dagster_home / "history" / "runs").glob("*.db"))) > MAX_OPEN_FILES
