"""`dynamics up` with real processes: all parts answer, and all of them stop together."""

import os
import signal

import pytest
from supervisor_process import SupervisorProcess, list_processes
from waiting import wait_until

from orchestration import local


def require_stopped(descendants, home):
    """Wait until all processes and local services have ended."""
    wait_until(lambda: not descendants & list_processes().keys(), f"processes {descendants} end")
    wait_until(lambda: not any(service.running for service in local.status(home)), "the local services stop")


def test_all_parts_answer_until_ctrl_c(supervised_home):
    with SupervisorProcess(*supervised_home) as supervisor:
        supervisor.wait_for_output("Ctrl-C stops all parts")
        wait_until(supervisor.is_web_alive, "the web pages answer")
        wait_until(supervisor.is_daemon_healthy, "the daemon is healthy")
        assert wait_until(supervisor.list_schedules, "Dagster lists the schedules") == [
            "due_30_6_x_x_x_UTC",
            "nightly_prune",
        ]
        assert all(service.running for service in local.status(supervised_home.home))
        descendants = supervisor.list_descendants()
        assert len(descendants) >= 4
        supervisor.interrupt()
        assert supervisor.wait() == 0, supervisor.output
    assert supervisor.output.endswith("stopped\n")
    require_stopped(descendants, supervised_home.home)


@pytest.mark.parametrize(("name", "program"), [("scheduler", "dagster-daemon"), ("web", "dynamics serve")])
def test_a_killed_part_ends_the_others_with_exit_code_1(supervised_home, name, program):
    with SupervisorProcess(*supervised_home) as supervisor:
        supervisor.wait_for_output("Ctrl-C stops all parts")
        descendants = supervisor.list_descendants()
        os.kill(supervisor.find_child(program), signal.SIGKILL)
        assert supervisor.wait() == 1, supervisor.output
    assert f"{name} ended unexpectedly, so all parts are stopped: see" in supervisor.output
    require_stopped(descendants, supervised_home.home)
