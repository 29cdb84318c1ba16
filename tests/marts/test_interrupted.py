"""A build that is killed half way, and readers meanwhile: nobody sees a mixture, and the next build makes up for it."""

import itertools
import os
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace

import databases
import pytest
from orchestration.build import build_marts, new_build
from orchestration.reporting.marts import current_marts
from test_incremental import MODELS, differences

from orchestration import build as build_room
from orchestration import database as database_room
from orchestration import local
from orchestration.local.database import server as postgres_server
from orchestration.reporting.engine import make_report
from orchestration.reporting.parameters import ReportQuery
from orchestration.source import ensure_schema, load, write_sample

ASKED = ReportQuery.model_validate(
    {"interval": {"from": "2026-01-01", "to": "2026-06-30"}, "group_by": ["month"]}
)
BUILD = """
import sys
from pathlib import Path
from orchestration.build import build_marts
from orchestration.database import connect

with connect(sys.argv[1]) as connection:
    build_marts(connection, state=Path(sys.argv[2]), progress=lambda step: print(step, flush=True))
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An extract in `sample`, and what dbt keeps in `dbt`."""
    folder = tmp_path_factory.mktemp("builds")
    write_sample(folder / "sample", clients=60, months=8, seed=5, until=datetime(2026, 7, 1, tzinfo=UTC))
    return folder


@pytest.fixture(scope="module")
def url(server_url, migrated_template):
    with databases.fresh(server_url, migrated_template) as url:
        yield url


@pytest.fixture(scope="module")
def billed(url, folder):
    """The extract, loaded and built twice, so that both schemas can be filled up."""
    with database_room.connect(url) as connection:
        load(connection, folder / "sample")
        for _ in range(2):
            build_marts(connection, state=folder / "dbt", full_refresh=True)
        yield connection


def table(connection):
    return make_report(connection, ASKED, base_currency="USD").table


def rerate(connection, *, clients=10):
    """Doubles all that so many of the sixty clients used."""
    connection.execute(
        "update billing.transactions set amount = amount * 2 where kind = 'usage'"
        " and client_id in (select client_id from billing.clients order by client_id limit %s)",
        [clients],
    )
    connection.commit()


def test_where_nothing_was_touched_the_marts_stay_and_only_know_the_data_longer(billed, folder):
    with current_marts(billed) as current:
        pass
    assert build_marts(billed, state=folder / "no dbt").build_id == current.build_id

    later = datetime(2027, 1, 1, tzinfo=UTC)
    load(billed, folder / "sample", as_of=later)
    renewed = build_marts(billed, state=folder / "no dbt")
    assert (renewed.build_id > current.build_id, renewed.schema) == (True, current.schema)
    with current_marts(billed) as now:
        assert now.as_of == later


def test_a_reader_sees_the_old_numbers_or_the_new_and_never_a_mixture(billed, url, folder):
    old = table(billed)
    seen, built = [], threading.Event()

    def read_on():
        with database_room.connect(url) as reader:
            while not built.is_set():
                seen.append(table(reader))
                time.sleep(0.005)

    reading = threading.Thread(target=read_on)
    reading.start()
    rerate(billed)
    build = build_marts(billed, state=folder / "dbt")
    new = table(billed)
    built.set()
    reading.join()
    assert not build.is_full
    assert old != new
    changes = sum(one != two for one, two in itertools.pairwise(seen))
    assert {str(one) for one in seen} <= {str(old), str(new)}
    assert changes <= 1
    assert len(seen) > 20, "the reader read all the while"


def test_after_a_kill_readers_have_the_old_numbers_and_the_next_build_has_them_all(billed, url, folder):
    before = table(billed)
    for last_step in ("fct_client_events", "mart_flows_daily"):
        rerate(billed)
        building = subprocess.Popen(
            [sys.executable, "-c", BUILD, url, str(folder / "dbt")],
            stdout=subprocess.PIPE,
            text=True,
        )
        steps = []
        for line in building.stdout:
            steps.append(line.strip())
            if steps[-1] == last_step:
                break
        assert steps[-1:] == [last_step], f"the build did not come to that model: {steps}"
        os.kill(building.pid, signal.SIGKILL)
        building.wait()
        billed.rollback()
        assert table(billed) == before

    told = []
    build = build_marts(billed, state=folder / "dbt", progress=told.append)
    assert not build.is_full
    assert told.count("fct_client_events") == 2, (
        "copied first: nobody knows what the killed build left in its schema"
    )
    after = table(billed)
    assert after != before
    other = build_marts(billed, state=folder / "dbt", full_refresh=True)
    assert differences(billed, build.schema, other.schema) == {}


def test_after_a_crash_of_the_server_a_build_goes_on_from_the_last_one(tmp_path, folder):
    with database_room.connect(local.postgres(tmp_path)) as connection:
        ensure_schema(connection)
        load(connection, folder / "sample")
        for _ in range(2):
            build_marts(connection, state=tmp_path / "dbt", full_refresh=True)
        rerate(connection)
        build_marts(connection, state=tmp_path / "dbt")
        built = table(connection)
    crashing = postgres_server(tmp_path)
    os.kill(crashing.pid(), signal.SIGQUIT)
    while crashing.pid():
        time.sleep(0.02)
    try:
        with database_room.connect(local.postgres(tmp_path)) as connection:
            assert table(connection) == built
            rerate(connection)
            build = build_marts(connection, state=tmp_path / "dbt")
            assert not build.is_full
            assert table(connection) != built
            other = build_marts(connection, state=tmp_path / "dbt", full_refresh=True)
            assert differences(connection, build.schema, other.schema) == {}
    finally:
        local.stop(tmp_path)


def test_where_most_was_touched_everything_is_made_anew_and_copied_for_the_next_build(billed, folder):
    rerate(billed, clients=50)
    build = build_marts(billed, state=folder / "dbt")
    assert build.is_full
    for copied in (True, False):
        rerate(billed)
        told = []
        # The schema that was not built yet has most to make up for by itself, and little from the other one on.
        assert not build_marts(billed, state=folder / "dbt", progress=told.append).is_full
        assert told.count("fct_client_events") == (2 if copied else 1)


def test_the_build_after_a_full_one_goes_on_from_a_copy_that_is_like_it(billed, folder):
    def shape(schema):
        columns = billed.execute(
            "select table_name, column_name, ordinal_position, data_type, numeric_precision, numeric_scale, is_nullable"
            " from information_schema.columns where table_schema = %s and table_name = any(%s)",
            [schema, list(MODELS)],
        ).fetchall()
        indexes = billed.execute(
            "select tablename, replace(regexp_replace(indexdef, 'INDEX \\S+', ''), schemaname, '') from pg_indexes"
            " where schemaname = %s and tablename = any(%s)",
            [schema, list(MODELS)],
        ).fetchall()
        return sorted(columns), sorted(indexes)

    build_marts(billed, state=folder / "dbt", full_refresh=True)
    rerate(billed)
    copied = build_marts(billed, state=folder / "dbt")
    assert not copied.is_full
    full = build_marts(billed, state=folder / "dbt", full_refresh=True)
    assert differences(billed, copied.schema, full.schema) == {}
    assert shape(copied.schema) == shape(full.schema)
    assert shape(full.schema)[1], "there are indexes to compare"


def test_a_source_that_nobody_watches_is_built_whole(billed):
    billed.execute("alter table billing.transactions disable trigger touched_by_update")
    billed.commit()
    with pytest.raises(ZeroDivisionError), new_build(billed) as build:
        raise ZeroDivisionError
    assert build.is_full


def test_in_another_base_currency_nothing_that_was_converted_is_kept(billed, folder, monkeypatch):
    billed.execute("alter table billing.transactions enable trigger touched_by_update")
    billed.commit()
    build_marts(billed, state=folder / "dbt", full_refresh=True)
    rerate(billed)
    assert not build_marts(billed, state=folder / "dbt").is_full
    rerate(billed)
    monkeypatch.setattr(build_room, "settings", lambda: SimpleNamespace(base_currency="EUR"))
    with pytest.raises(ZeroDivisionError), new_build(billed) as build:
        raise ZeroDivisionError
    assert build.is_full
