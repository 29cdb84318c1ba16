"""The local Postgres: one server a home, found again, and nothing committed is lost."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

import psycopg
import pytest
import sqlalchemy

from orchestration import local
from orchestration.local.daemon import Daemon
from orchestration.local.home import prepare

START = "import sys; from pathlib import Path; from orchestration import local; print(local.postgres(Path(sys.argv[1])))"


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    """A home that these tests may kill, first started by two commands at once."""
    home = tmp_path_factory.mktemp("own")
    commands = [subprocess.Popen([sys.executable, "-c", START, home], stdout=-1, text=True) for _ in range(2)]
    urls = {command.communicate(timeout=60)[0].strip() for command in commands}
    assert urls == {local.postgres(home)}
    yield home
    local.stop(home)


def ask(home, question):
    with psycopg.connect(local.postgres(home)) as connection:
        return connection.execute(question).fetchone()[0]


def write(home, statement):
    with psycopg.connect(local.postgres(home)) as connection:
        connection.execute(statement)


def pid(home):
    return Daemon(prepare(home), "postgres").pid()


def test_it_outlives_the_commands_that_started_it_at_once(own_home):
    before = pid(own_home)
    local.postgres(own_home)
    assert pid(own_home) == before
    assert (own_home / "logs" / "postgres.log").read_text().count("starting PostgreSQL") == 1


def test_it_sorts_by_code_point_syncs_and_listens_on_no_network(own_home):
    facts = "select concat_ws(' ', datname, pg_encoding_to_char(encoding), datlocale, datcollate) from pg_database"
    assert ask(own_home, f"{facts} where datname = current_database()") == "dynamics UTF8 C.UTF-8 C"
    assert ask(own_home, "show fsync") == "on"
    assert ask(own_home, "show listen_addresses") == ""


def test_sqlalchemy_takes_the_same_url_with_another_database(own_home):
    url = sqlalchemy.make_url(local.postgres(own_home)).set(
        drivername="postgresql+psycopg", database="template1"
    )
    with sqlalchemy.create_engine(url).connect() as connection:
        assert connection.scalar(sqlalchemy.text("select current_database()")) == "template1"


def test_committed_rows_survive_a_stop(own_home):
    write(own_home, "create table stopped as select 1 as kept")
    assert local.stop(own_home) == ["postgres"]
    assert ask(own_home, "select kept from stopped") == 1


def test_committed_rows_survive_a_kill_even_when_a_stranger_has_the_old_pid(own_home):
    write(own_home, "create table killed as select 1 as kept")
    server = pid(own_home)
    os.kill(server, signal.SIGKILL)
    owner = "nobody" if os.geteuid() == 0 else None  # the server's: Postgres takes no other for a server
    with subprocess.Popen(["/bin/sleep", "60"], user=owner) as stranger:
        for stale in (own_home / "postgres" / "postmaster.pid", own_home / "run" / ".s.PGSQL.5432.lock"):
            stale.write_text(stale.read_text().replace(str(server), str(stranger.pid), 1))
        assert ask(own_home, "select kept from killed") == 1
        assert pid(own_home) not in (server, stranger.pid)
        stranger.kill()


def test_a_database_that_was_dropped_is_made_again(own_home):
    local.postgres(own_home)
    with psycopg.connect(
        local.postgres(own_home).replace("/dynamics?", "/postgres?"), autocommit=True
    ) as connection:
        connection.execute("drop database dynamics")
    assert ask(own_home, "select current_database()") == "dynamics"


def test_a_home_too_deep_for_a_socket_runs_beside_the_other(own_home, tmp_path):
    deep = tmp_path / ("d" * 60) / "with space & more" / ("e" * 60)
    try:
        write(deep, "create table only_here ()")
        assert ask(own_home, "select to_regclass('only_here')") is None
        folder = Path(unquote(local.postgres(deep).partition("?host=")[2]))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        running = [status.running for home in (own_home, deep) for status in local.status(home)]
        assert running == [True, False, False] * 2
    finally:
        assert local.stop(deep) == ["postgres"]
    assert not folder.exists()
    assert ask(own_home, "select 1") == 1
