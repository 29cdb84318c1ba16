"""The reload of saved queries: files that change while `dynamics up` runs."""

from supervisor_process import SupervisorProcess, write_saved_query
from waiting import wait_until

from orchestration.scheduling.reload import fingerprint_files, reload_saved_queries


def test_changed_files_change_the_schedules_of_dagster(supervised_home):
    folder = supervised_home.templates
    with SupervisorProcess(*supervised_home) as supervisor:
        wait_until(supervisor.list_schedules, "Dagster lists the schedules")
        write_saved_query(folder, "daily", "45 6 * * *")
        write_saved_query(folder, "monthly", "0 7 1 * *")
        wait_until(
            lambda: (
                supervisor.list_schedules() == ["due_0_7_1_x_x_UTC", "due_45_6_x_x_x_UTC", "nightly_prune"]
            ),
            "Dagster lists the new schedules",
        )
        supervisor.wait_for_output("saved queries reloaded: 2 in use")
        (folder / "monthly.yaml").write_text("title: [")
        supervisor.wait_for_output("monthly.yaml:1: this is not valid YAML")
        wait_until(
            lambda: supervisor.list_schedules() == ["due_45_6_x_x_x_UTC", "nightly_prune"],
            "Dagster lists the valid schedule only",
        )
        supervisor.interrupt()
        assert supervisor.wait() == 0, supervisor.output


def test_a_fingerprint_changes_with_every_file(tmp_path):
    assert fingerprint_files(tmp_path) == fingerprint_files(tmp_path / "missing") == {}
    write_saved_query(tmp_path, "daily", "30 6 * * *")
    first = fingerprint_files(tmp_path)
    write_saved_query(tmp_path, "daily", "0 6 * * *")
    second = fingerprint_files(tmp_path)
    (tmp_path / "daily.yaml").rename(tmp_path / "daily.yml")
    third = fingerprint_files(tmp_path)
    (tmp_path / "note.txt").write_text("not a saved query")
    assert fingerprint_files(tmp_path) == third
    assert len({str(fingerprint) for fingerprint in (first, second, third)}) == 3


def test_a_reload_waits_for_the_web_server(tmp_path):
    lines = []
    assert not reload_saved_queries(tmp_path, dagster_port=9, show=lines.append)
    assert lines == []
