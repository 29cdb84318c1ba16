"""A connection that rests is handed out again only while it is as good as a new one."""

import os
import time

import psycopg
import pytest

from orchestration import local, resting
from orchestration.resting import rest, rested


@pytest.fixture(scope="module")
def url(tmp_path_factory):
    home = tmp_path_factory.mktemp("home")
    yield local.postgres(home)
    local.stop(home)


@pytest.fixture(autouse=True)
def nobody_rests():
    yield
    while resting._resting:
        resting._resting.pop()[-1].close()


def opened(url):
    connection = psycopg.connect(url)
    connection.execute("select 1")
    connection.commit()
    return connection


def test_a_connection_that_rests_is_handed_out_once_and_to_its_own_url(url):
    connection = opened(url)
    rest(url, connection)
    assert rested("postgresql://elsewhere") is None
    assert connection.closed

    connection = opened(url)
    rest(url, connection)
    assert rested(url) is connection
    assert rested(url) is None


def test_one_in_the_midst_of_something_is_closed_and_never_handed_out(url):
    connection = opened(url)
    connection.execute("select 1")
    rest(url, connection)
    assert connection.closed
    assert rested(url) is None


def test_one_that_died_while_it_rested_is_not_handed_out(url):
    dead, alive = opened(url), opened(url)
    rest(url, alive)
    rest(url, dead)
    alive_pid = alive.info.backend_pid
    alive.execute("select pg_terminate_backend(%s)", [dead.info.backend_pid])
    alive.commit()
    wait_until(lambda: resting._has_ended(dead))
    found = rested(url)
    assert found is not None
    assert found.info.backend_pid == alive_pid
    assert found.execute("select 1").fetchone() == (1,)


def test_after_a_fork_the_child_gets_none_and_the_parents_goes_on(url):
    connection = opened(url)
    rest(url, connection)
    child = os.fork()
    if child == 0:  # whatever happens in it, it must not go on as a second pytest
        os._exit(0 if rested(url) is None else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert rested(url) is connection
    assert connection.execute("select 1").fetchone() == (1,)


def test_none_rests_longer_than_half_a_minute(url, monkeypatch):
    clock = time.monotonic
    connection = opened(url)
    rest(url, connection)
    monkeypatch.setattr(resting.time, "monotonic", lambda: clock() + 29)
    assert rested(url) is connection
    rest(url, connection)
    monkeypatch.setattr(resting.time, "monotonic", lambda: clock() + 29 + 31)
    assert rested(url) is None
    assert connection.closed


def test_few_rest_at_once(url):
    connections = [opened(url) for _ in range(5)]
    for connection in connections:
        rest(url, connection)
    assert [connection.closed for connection in connections] == [False] * 4 + [True]


def wait_until(holds):
    until = time.monotonic() + 5
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.01)
