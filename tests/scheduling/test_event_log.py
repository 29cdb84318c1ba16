"""Dagster's event log on connections that are kept: what one process writes, another reads at once."""

import dagster as dg
import pytest

from orchestration.scheduling.event_log import EventLog
from orchestration.scheduling.instance import prepare_dagster_home
from orchestration.settings import settings


@pytest.fixture
def dagster_home(tmp_path, monkeypatch):
    monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "")
    settings.cache_clear()
    yield prepare_dagster_home()
    settings.cache_clear()


def test_a_run_is_seen_by_whoever_looks_and_few_files_stay_open(dagster_home):
    @dg.op
    def work():
        pass

    @dg.job
    def job():
        work()

    with dg.DagsterInstance.get() as at_work, dg.DagsterInstance.get() as looking:
        assert isinstance(at_work.event_log_storage, EventLog)
        for _ in range(10):
            run = job.execute_in_process(instance=at_work)
            kinds = {
                record.event_log_entry.dagster_event_type
                for record in looking.get_records_for_run(run.run_id).records
            }
            assert dg.DagsterEventType.RUN_SUCCESS in kinds
        assert len(at_work.event_log_storage._engines) == 8
        assert len(list((dagster_home / "history" / "runs").glob("*.db"))) > 8
