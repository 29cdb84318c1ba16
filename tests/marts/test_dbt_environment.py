"""dbt's profile reads environment variables, and other threads keep theirs meanwhile."""

import os
import threading

from orchestration.builds import PendingBuild
from orchestration.builds.dbt_runner import set_profile_environment

BUILD = PendingBuild(7, "marts", None, is_full=True)


def test_profile_variables_exist_only_in_the_block(database, monkeypatch):
    monkeypatch.setenv("DYNAMICS_DBT_HOST", "set by the user")
    before = dict(os.environ)
    with set_profile_environment(database, BUILD):
        assert os.environ["DYNAMICS_DBT_BUILD_ID"] == "7"
        assert os.environ["DYNAMICS_DBT_DATABASE"] == database.info.dbname
        assert {name: os.environ[name] for name in before if "DYNAMICS_DBT" not in name} == {
            name: value for name, value in before.items() if "DYNAMICS_DBT" not in name
        }
    assert dict(os.environ) == before


def test_other_threads_always_see_their_variables(database, monkeypatch):
    monkeypatch.setenv("VARIABLE_OF_ANOTHER_THREAD", "value")
    missing, is_reading, is_finished = [], threading.Event(), threading.Event()

    def read():
        while not is_finished.is_set():
            if "VARIABLE_OF_ANOTHER_THREAD" not in os.environ:
                missing.append(True)
            is_reading.set()

    reader = threading.Thread(target=read)
    reader.start()
    is_reading.wait()
    for _ in range(2000):
        with set_profile_environment(database, BUILD):
            pass
    is_finished.set()
    reader.join()
    assert not missing
