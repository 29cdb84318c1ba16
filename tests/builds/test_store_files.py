"""Files of the report store: kept while a reader needs them, replaced if missing or damaged."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from stores import read_store

from orchestration.builds.store import current_build, files, ledger
from orchestration.builds.store.reader import close_stores
from orchestration.db.database import connect
from orchestration.errors import DynamicsError, Unavailable
from orchestration.object_store import open_configured_store
from orchestration.settings import settings

REFILLS = "select sum(amount) from events where kind = 'refill'"


def store_paths(built):
    folder = files.prepare_folder(built.connection)
    return [folder / file.name for file in ledger.load_current_store(built.connection).files]


def count_files(built):
    return len(list(files.prepare_folder(built.connection).glob("*.duckdb")))


def test_reader_keeps_its_build_while_builds_are_published(built):
    with current_build(built.connection) as before:
        cursor = before.cursor()
        for amount in ("25", "26", "27"):
            built.correct(amount)
            built.build()
        assert cursor.execute(REFILLS).fetchall() == before.rows(REFILLS)
        with current_build(built.connection) as now:
            assert now.rows(REFILLS) != before.rows(REFILLS)
            assert now.build_id > before.build_id


def test_files_of_older_builds_are_removed(built):
    for amount in ("25", "26", "27"):
        built.correct(amount)
        built.build()
    assert all(path.is_file() for path in store_paths(built))
    assert count_files(built) == 4, "two files of the current store and two of the one before"


def test_build_never_changes_a_published_file(built):
    before = {path: path.read_bytes() for path in store_paths(built)}
    built.correct()
    built.build()
    assert {path: path.read_bytes() for path in before} == before
    assert not set(before) & set(store_paths(built))


def test_build_without_changes_publishes_no_files(built):
    before = store_paths(built)
    built.change("insert into dynamics.loads (as_of, source) values ('2018-07-01Z', 'test')")
    built.build()
    assert store_paths(built) == before


@pytest.fixture(params=["full build", "incremental builds"])
def stored(request, built):
    """Return a database whose current store comes from a full build or from incremental builds."""
    if request.param == "incremental builds":
        for amount in range(3):
            built.change(
                "insert into billing.clients select 'new-' || %s || '-' || number, 'New', 'client', null,"
                " 'USD', '2018-04-01Z', '2018-04-01Z' from generate_series(1, 20000) as number",
                [amount],
            )
            built.build()
    return built


@pytest.mark.parametrize("part", [0, 1])
def test_deleted_file_is_written_again_from_the_marts(stored, part):
    built = stored
    before = read_store(built.connection)
    close_stores()
    store_paths(built)[part].unlink()
    assert read_store(built.connection) == before


@pytest.mark.parametrize("part", [0, 1])
def test_truncated_file_is_written_again(built, part):
    before = read_store(built.connection)
    close_stores()
    path = store_paths(built)[part]
    os.truncate(path, path.stat().st_size // 2)
    assert read_store(built.connection) == before


def test_damaged_file_is_reported_and_replaced(built):
    """DuckDB reads some blocks late. It reports their damage once, and the file is replaced."""
    before = read_store(built.connection)
    close_stores()
    path = store_paths(built)[1]
    with path.open("r+b") as file:
        for position in range(12_288, path.stat().st_size, 4096):
            file.seek(position)
            file.write(b"\xff" * 512)
    with suppress(Unavailable):
        read_store(built.connection)
    assert read_store(built.connection) == before


def test_missing_file_after_an_interrupted_build_asks_for_one(built):
    built.correct()
    built.change("insert into dynamics.builds (marts_schema, as_of, is_full) values ('marts', now(), true)")
    close_stores()
    store_paths(built)[1].unlink()
    with pytest.raises(DynamicsError, match="run `dynamics build`"), current_build(built.connection):
        pass


@pytest.fixture
def switch_home(monkeypatch, tmp_path):
    """Return a function that switches to the home of another host of the same database."""

    def switch():
        monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path / "other home"))
        settings.cache_clear()
        close_stores()

    yield switch
    monkeypatch.undo()
    settings.cache_clear()
    close_stores()


@pytest.fixture
def shared_bucket(monkeypatch, home):
    """Share the store in the bucket of the worker's home."""
    from orchestration import local

    bucket = local.bucket(home)
    for name, value in {
        "DYNAMICS_S3_BUCKET": bucket.name,
        "DYNAMICS_S3_ENDPOINT_URL": bucket.endpoint_url,
        "AWS_ACCESS_KEY_ID": bucket.access_key,
        "AWS_SECRET_ACCESS_KEY": bucket.secret_key,
        "AWS_DEFAULT_REGION": bucket.region,
        "DYNAMICS_SHARE_STORE": "true",
    }.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()


def test_another_host_downloads_a_shared_store(shared_bucket, built, switch_home):
    before = read_store(built.connection)
    built.change("drop schema marts cascade")  # the files cannot be written again from the marts
    switch_home()
    assert read_store(built.connection) == before


def test_another_host_keeps_the_files_of_two_stores(shared_bucket, built, switch_home, monkeypatch):
    home = os.environ["DYNAMICS_HOME"]
    for amount in ("11", "12", "13"):
        monkeypatch.setenv("DYNAMICS_HOME", home)
        settings.cache_clear()
        built.correct(amount)
        built.build()
        switch_home()
        before = read_store(built.connection)
    assert count_files(built) == 4
    assert read_store(built.connection) == before


def test_damaged_shared_file_is_downloaded_again(shared_bucket, built):
    before = read_store(built.connection)
    built.change("drop schema marts cascade")
    close_stores()
    path = store_paths(built)[1]
    os.truncate(path, 4096)
    assert read_store(built.connection) == before


def test_bucket_with_other_content_is_rejected(shared_bucket, built, switch_home, tmp_path):
    stored = ledger.load_current_store(built.connection).files[1]
    (tmp_path / "other").write_bytes(b"something else")
    open_configured_store().upload(tmp_path / "other", f"report-store/{stored.name}")
    switch_home()
    with pytest.raises(DynamicsError, match="differs from what the build wrote"):
        read_store(built.connection)


def test_file_that_the_bucket_has_lost_is_written_again(shared_bucket, stored):
    before = read_store(stored.connection)
    close_stores()
    path = store_paths(stored)[1]
    path.unlink()
    open_configured_store().remove(f"report-store/{path.name}")
    assert read_store(stored.connection) == before
    close_stores()
    assert read_store(stored.connection) == before


def test_another_host_without_sharing_writes_its_own_files(stored, switch_home):
    built = stored
    before = read_store(built.connection)
    own = store_paths(built)
    switch_home()
    assert read_store(built.connection) == before
    assert store_paths(built) != own
    assert [path.name for path in store_paths(built)] == [path.name for path in own]


READ_WHILE_BUILDING = """
import sys
from orchestration.builds.store import current_build
from orchestration.db.database import connect
with connect(sys.argv[1]) as connection:
    print("ready", flush=True)
    while True:
        with current_build(connection) as build:
            totals = build.rows(
                "select (select sum(amount) from events where kind <> 'created'),"
                " (select sum(amount) from daily_flows)"
            )
        assert totals[0][0] == totals[0][1], totals
        print("same", flush=True)
"""


def test_readers_see_one_build_while_builds_are_published(built):
    with subprocess.Popen(
        [sys.executable, "-c", READ_WHILE_BUILDING, built.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as reading:
        assert reading.stdout.readline() == "ready\n"
        lines = []
        collector = threading.Thread(target=lambda: lines.extend(reading.stdout), daemon=True)
        collector.start()
        for amount in ("31", "32", "33"):
            built.correct(amount)
            built.build()
        assert reading.poll() is None, reading.stderr.read()
        reading.send_signal(signal.SIGKILL)
        collector.join()
    assert lines.count("same\n") > 3


def test_each_database_has_its_own_store_folder(built, database_url):
    with connect(database_url) as other:
        assert files.prepare_folder(other) != files.prepare_folder(built.connection)
