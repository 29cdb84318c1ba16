"""The local Postgres: a home has one server, and no committed row is lost."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import databases
import psycopg
import pytest
import sqlalchemy

from orchestration import local
from orchestration.local.daemon import Daemon
from orchestration.local.state_dir import prepare_home

START = """
import sys
from pathlib import Path
from orchestration import local
print(local.postgres(Path(sys.argv[1])))
"""


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    """Return a home that these tests may kill. Two concurrent commands start it."""
    home = tmp_path_factory.mktemp("own")
    commands = [subprocess.Popen([sys.executable, "-c", START, home], stdout=-1, text=True) for _ in range(2)]
    urls = {command.communicate(timeout=60)[0].strip() for command in commands}
    assert urls == {local.postgres(home)}
    yield home
    local.stop(home)


def query(home, statement):
    with psycopg.connect(local.postgres(home)) as connection:
        return connection.execute(statement).fetchone()[0]


def write(home, statement):
    with psycopg.connect(local.postgres(home)) as connection:
        connection.execute(statement)


def pid(home):
    return Daemon(prepare_home(home), "postgres").pid()


def test_two_commands_start_one_server_that_stays(own_home):
    before = pid(own_home)
    local.postgres(own_home)
    assert pid(own_home) == before
    assert (own_home / "logs" / "postgres.log").read_text().count("starting PostgreSQL") == 1


def test_the_server_sorts_by_code_point_and_uses_no_network(own_home):
    columns = "select concat_ws(' ', datname, pg_encoding_to_char(encoding), datlocale, datcollate) from pg_database"
    assert query(own_home, f"{columns} where datname = current_database()") == "dynamics UTF8 C.UTF-8 C"
    assert query(own_home, "show fsync") == "on"
    assert query(own_home, "show listen_addresses") == ""


def test_sqlalchemy_accepts_the_url_with_another_database(own_home):
    url = sqlalchemy.make_url(local.postgres(own_home)).set(
        drivername="postgresql+psycopg", database="template1"
    )
    with sqlalchemy.create_engine(url).connect() as connection:
        assert connection.scalar(sqlalchemy.text("select current_database()")) == "template1"


def test_committed_rows_survive_a_stop(own_home):
    write(own_home, "create table stopped as select 1 as value")
    assert local.stop(own_home) == ["postgres"]
    assert query(own_home, "select value from stopped") == 1


def test_committed_rows_survive_a_kill_and_a_reused_pid(own_home):
    write(own_home, "create table killed as select 1 as value")
    server = pid(own_home)
    os.kill(server, signal.SIGKILL)
    owner = "nobody" if os.geteuid() == 0 else None  # Postgres ignores a process of another user
    with subprocess.Popen(["/bin/sleep", "60"], user=owner) as other:
        for stale in (own_home / "postgres" / "postmaster.pid", own_home / "run" / ".s.PGSQL.5432.lock"):
            stale.write_text(stale.read_text().replace(str(server), str(other.pid), 1))
        assert query(own_home, "select value from killed") == 1
        assert pid(own_home) not in (server, other.pid)
        other.kill()


def test_a_dropped_database_is_created_again(own_home):
    local.postgres(own_home)
    with psycopg.connect(
        databases.change_name(local.postgres(own_home), "postgres"), autocommit=True
    ) as connection:
        connection.execute("drop database dynamics")
    assert query(own_home, "select current_database()") == "dynamics"


def test_a_home_with_a_long_path_has_its_own_server(own_home, tmp_path):
    deep = tmp_path / ("d" * 60) / "with space & more" / ("e" * 60)
    try:
        write(deep, "create table only_here ()")
        assert query(own_home, "select to_regclass('only_here')") is None
        folder = Path(unquote(local.postgres(deep).partition("?host=")[2]))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        running = [status.running for home in (own_home, deep) for status in local.status(home)]
        assert running == [True, False, False] * 2
    finally:
        assert local.stop(deep) == ["postgres"]
    assert not folder.exists()
    assert query(own_home, "select 1") == 1
