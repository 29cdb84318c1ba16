"""Files of the report store: kept while a reader needs them, replaced when they are missing or damaged."""

import os
import signal
import subprocess
import sys
import threading
from contextlib import suppress

import pytest
from stores import contents

from orchestration.builds.store import current_build, files, ledger, sharing
from orchestration.builds.store import reader as reader_module
from orchestration.database import connect
from orchestration.errors import DynamicsError, Unavailable
from orchestration.settings import settings

BALANCES = "select sum(amount) from events where kind = 'refill'"


def store_files(billed):
    folder = files.folder(billed.connection)
    return [folder / file.name for file in ledger.current_store(billed.connection).files]


def forget_opened():
    """Let this process open the store again, as a new process does."""
    reader_module._opened.clear()


def test_a_reader_keeps_its_build_while_others_are_published(billed):
    with current_build(billed.connection) as before:
        cursor = before.cursor()
        for amount in ("25", "26", "27"):
            billed.correct(amount)
            billed.build()
        assert cursor.execute(BALANCES).fetchall() == before.rows(BALANCES)
        with current_build(billed.connection) as now:
            assert now.rows(BALANCES) != before.rows(BALANCES)
            assert now.build_id > before.build_id


def test_files_of_older_builds_are_removed(billed):
    for amount in ("25", "26", "27"):
        billed.correct(amount)
        billed.build()
    there = set(files.folder(billed.connection).glob("*.duckdb"))
    assert set(store_files(billed)) <= there
    assert len(there) == 4, "the current store's two files and those of the one before"


def test_a_build_never_changes_a_published_file(billed):
    before = {path: path.read_bytes() for path in store_files(billed)}
    billed.correct()
    billed.build()
    assert {path: path.read_bytes() for path in before} == before
    assert not set(before) & set(store_files(billed))


def test_a_build_without_changes_publishes_no_files(billed):
    before = store_files(billed)
    billed.connection.execute("insert into dynamics.loads (as_of, source) values ('2018-07-01Z', 'test')")
    billed.connection.commit()
    billed.build()
    assert store_files(billed) == before


@pytest.mark.parametrize("part", [0, 1])
def test_a_deleted_file_is_written_again_from_the_marts(billed, part):
    before = contents(billed.connection)
    forget_opened()
    store_files(billed)[part].unlink()
    assert contents(billed.connection) == before


@pytest.mark.parametrize("part", [0, 1])
def test_a_cut_file_is_written_again(billed, part):
    before = contents(billed.connection)
    forget_opened()
    path = store_files(billed)[part]
    os.truncate(path, path.stat().st_size // 2)
    assert contents(billed.connection) == before


def test_a_damaged_file_is_told_and_replaced(billed):
    before = contents(billed.connection)
    forget_opened()
    path = store_files(billed)[1]
    with path.open("r+b") as file:
        for place in range(12_288, path.stat().st_size, 4096):
            file.seek(place)
            file.write(b"\xff" * 512)
    with suppress(Unavailable):  # blocks that are read late tell it; the file is replaced then
        contents(billed.connection)
    assert contents(billed.connection) == before


def test_a_file_that_is_gone_in_an_interrupted_build_says_what_to_do(billed):
    billed.correct()
    billed.connection.execute(
        "insert into dynamics.builds (marts_schema, as_of, is_full) values ('marts', now(), true)"
    )
    billed.connection.commit()
    forget_opened()
    store_files(billed)[1].unlink()
    with pytest.raises(DynamicsError, match="run `dynamics build`"), current_build(billed.connection):
        pass


@pytest.fixture
def other_home(monkeypatch, tmp_path):
    """Switch to the home of another host, on the same database and bucket."""

    def switch():
        monkeypatch.setenv("DYNAMICS_HOME", str(tmp_path / "other"))
        settings.cache_clear()
        forget_opened()

    yield switch
    monkeypatch.undo()
    settings.cache_clear()
    forget_opened()


@pytest.fixture
def shared(monkeypatch, home):
    """Hosts share the store in the bucket of the worker's home."""
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


def test_another_host_fetches_a_shared_store(shared, billed, other_home):
    before = contents(billed.connection)
    billed.connection.execute("drop schema marts cascade")  # nothing to write it again from
    billed.connection.commit()
    other_home()
    assert contents(billed.connection) == before


def test_another_host_keeps_the_files_of_two_stores(shared, billed, other_home, monkeypatch):
    home = os.environ["DYNAMICS_HOME"]
    for amount in ("11", "12", "13"):
        monkeypatch.setenv("DYNAMICS_HOME", home)
        settings.cache_clear()
        billed.correct(amount)
        billed.build()
        other_home()
        before = contents(billed.connection)
    assert len(list(files.folder(billed.connection).glob("*.duckdb"))) == 4
    assert contents(billed.connection) == before


def test_a_damaged_shared_file_is_fetched_again(shared, billed):
    before = contents(billed.connection)
    billed.connection.execute("drop schema marts cascade")
    billed.connection.commit()
    forget_opened()
    path = store_files(billed)[1]
    os.truncate(path, 4096)
    assert contents(billed.connection) == before


def test_a_bucket_with_another_content_is_refused(shared, billed, other_home):
    stored = ledger.current_store(billed.connection).files[1]
    sharing.configured()._client.put_object(
        Bucket=settings().s3_bucket, Key=f"report-store/{stored.name}", Body=b"something else"
    )
    other_home()
    with pytest.raises(DynamicsError, match="another content"), current_build(billed.connection):
        pass


def test_another_host_without_sharing_writes_its_own(billed, other_home):
    before = contents(billed.connection)
    own = store_files(billed)
    other_home()
    assert contents(billed.connection) == before
    assert store_files(billed) != own
    assert [path.name for path in store_files(billed)] == [path.name for path in own]


READ_WHILE_BUILDING = """
import sys
from orchestration.builds.store import current_build
from orchestration.database import connect
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


def test_readers_see_one_build_while_builds_are_published(billed):
    with subprocess.Popen(
        [sys.executable, "-c", READ_WHILE_BUILDING, billed.url],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as reading:
        assert reading.stdout.readline() == "ready\n"
        seen = []
        watching = threading.Thread(target=lambda: seen.extend(reading.stdout), daemon=True)
        watching.start()
        for amount in ("31", "32", "33"):
            billed.correct(amount)
            billed.build()
        assert reading.poll() is None, reading.stderr.read()
        reading.send_signal(signal.SIGKILL)
        watching.join()
    assert seen.count("same\n") > 3


def test_the_store_of_each_database_has_a_folder_of_its_own(billed, database_url):
    with connect(database_url) as other:
        assert files.folder(other) != files.folder(billed.connection)
