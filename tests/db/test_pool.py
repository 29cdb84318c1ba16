"""The pool returns an idle connection only while it works as well as a new one."""

import os
import select
import time

import psycopg
import pytest
from waiting import wait_until

from orchestration import local
from orchestration.db import pool
from orchestration.db.pool import acquire, release


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    yield local.postgres(home)
    local.stop(home)


@pytest.fixture(autouse=True)
def empty_pool():
    yield
    pool.close_all()


def open_connection(url):
    connection = psycopg.connect(url)
    connection.execute("select 1")
    connection.commit()
    return connection


def test_idle_connection_is_acquired_once_and_by_its_url(url):
    connection = open_connection(url)
    release(url, connection)
    assert acquire("postgresql://elsewhere") is None
    assert connection.closed

    connection = open_connection(url)
    release(url, connection)
    assert acquire(url) is connection
    assert acquire(url) is None


def test_connection_in_a_transaction_is_closed(url):
    connection = open_connection(url)
    connection.execute("select 1")
    release(url, connection)
    assert connection.closed
    assert acquire(url) is None


def test_connection_that_died_while_idle_is_not_acquired(url):
    dead, alive = open_connection(url), open_connection(url)
    release(url, alive)
    release(url, dead)
    alive_pid = alive.info.backend_pid
    alive.execute("select pg_terminate_backend(%s)", [dead.info.backend_pid])
    alive.commit()
    poll = select.poll()
    poll.register(dead.fileno(), select.POLLIN)
    wait_until(lambda: bool(poll.poll(0)), "the server's last message arrives")
    acquired = acquire(url)
    assert acquired is not None
    assert acquired.info.backend_pid == alive_pid
    assert acquired.execute("select 1").fetchone() == (1,)


def test_child_process_leaves_the_connections_of_its_parent(url):
    connection = open_connection(url)
    release(url, connection)
    child = os.fork()
    if child == 0:  # the child must not continue as a second pytest
        os._exit(0 if acquire(url) is None else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert acquire(url) is connection
    assert connection.execute("select 1").fetchone() == (1,)


def test_connection_is_idle_for_at_most_half_a_minute(url, monkeypatch):
    clock = time.monotonic
    connection = open_connection(url)
    release(url, connection)
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 29)
    assert acquire(url) is connection
    release(url, connection)
    monkeypatch.setattr(time, "monotonic", lambda: clock() + 29 + 31)
    assert acquire(url) is None
    assert connection.closed


def test_pool_keeps_four_connections(url):
    connections = [open_connection(url) for _ in range(5)]
    for connection in connections:
        release(url, connection)
    assert [connection.closed for connection in connections] == [False] * 4 + [True]
