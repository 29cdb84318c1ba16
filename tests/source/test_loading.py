"""A good extract becomes the rows of `billing`: once, again, corrected, and in parts."""

import gzip
import threading
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
import zstandard
from locks import wait_for_advisory_lock_waiter

from orchestration import source
from orchestration.errors import RequestError

GOLDEN = Path(__file__).parent.parent / "golden" / "source"
CLIENTS = "client_id,name,client_type,owner_id,currency,created_at,updated_at\n"
TRANSACTIONS = "transaction_id,client_id,occurred_at,kind,amount,package_id,updated_at,voided_at\n"


def load(database, folder: Path, **options):
    return source.load(database, folder, **({"as_of": None, "base_currency": "USD"} | options))


def count_rows(summary: source.LoadSummary) -> dict[str, tuple[int, ...]]:
    """Return inserted, updated and deleted rows of each changed table."""
    return {table: tuple(counts) for table, counts in summary.tables.items() if any(counts)}


def test_golden_extract_is_loaded_and_recorded(database):
    as_of = datetime(2019, 1, 1, tzinfo=UTC)
    summary = load(database, GOLDEN, as_of=as_of)
    assert count_rows(summary) == {
        "clients": (3, 0, 0),
        "client_tags": (3, 0, 0),
        "packages": (1, 0, 0),
        "transactions": (5, 0, 0),
        "exchange_rates": (2, 0, 0),
    }
    assert summary.as_of == as_of
    entry = database.execute(
        "select load_id, as_of, source, row_counts -> 'clients' from dynamics.loads"
    ).fetchone()
    assert entry == (summary.load_id, as_of, "source", {"inserted": 3, "updated": 0, "deleted": 0})
    amount, package, voided = database.execute(
        "select amount, package_id, voided_at from billing.transactions where transaction_id = 't3'"
    ).fetchone()
    assert (amount, package, voided) == (Decimal("-870.00"), "p1", None)


def test_load_is_committed_when_it_returns(database, database_url):
    load(database, GOLDEN)
    with psycopg.connect(database_url) as other:
        assert other.execute("select count(*) from billing.clients").fetchone() == (3,)


def test_loading_the_same_again_writes_no_row(database):
    load(database, GOLDEN)
    versions = "select array_agg(xmin::text order by transaction_id) from billing.transactions"
    before = database.execute(versions).fetchone()
    database.commit()
    assert count_rows(load(database, GOLDEN)) == {}
    assert database.execute(versions).fetchone() == before


def test_corrections_moves_and_voids_update_in_place(database, write_extract):
    load(database, GOLDEN)
    folder = write_extract({
        "transactions.csv": TRANSACTIONS
        + "t1,c1,2017-08-14T08:30:00Z,usage,-33.76,,2018-04-01T00:00:00Z,\n"  # rated again
        + "t2,c1,2018-03-06T11:00:00+02:00,refill,125.00,,2018-04-01T00:00:00Z,\n"  # moved to another client
        + "t3,c2,2018-03-06T09:10:00Z,package_renewal,-870.00,p1,2018-03-06T09:10:00Z,\n"  # unchanged
        + "t4,c2,2018-03-07T11:00:00Z,transfer,-64.50,,2018-04-01T00:00:00Z,2018-04-01T00:00:00Z\n"  # voided
        + "t9,c2,2018-03-08T11:00:00Z,adjustment,0,,2018-03-08T11:00:00Z,\n"
    })  # fmt: skip
    assert count_rows(load(database, folder)) == {"transactions": (1, 3, 0)}
    assert database.execute(
        "select transaction_id, client_id, amount, voided_at is not null from billing.transactions"
        " where transaction_id in ('t1', 't2', 't4') order by 1"
    ).fetchall() == [
        ("t1", "c1", Decimal("-33.76"), False),
        ("t2", "c1", Decimal("125.00"), False),
        ("t4", "c2", Decimal("-64.50"), True),
    ]


def test_revoked_void_is_null_again(database, write_extract):
    load(database, GOLDEN)
    row = "t1,c1,2017-08-14T08:30:00Z,usage,-33.75,,2018-04-01T00:00:00Z,"
    load(database, write_extract({"transactions.csv": TRANSACTIONS + row + "2018-04-01T00:00:00Z\n"}))
    load(database, write_extract({"transactions.csv": TRANSACTIONS + row + "\n"}))
    query = "select voided_at from billing.transactions where transaction_id = 't1'"
    assert database.execute(query).fetchone() == (None,)


def read_tags(database) -> list[tuple[str, str]]:
    return database.execute("select client_id, tag from billing.client_tags order by 1, 2").fetchall()


def test_tags_of_clients_in_the_extract_are_replaced(database, write_extract):
    load(database, GOLDEN)
    folder = write_extract({"client_tags.csv": "client_id,tag\nc2,wholesale\nc2,vip\n"})
    assert count_rows(load(database, folder)) == {"client_tags": (1, 0, 1)}
    assert read_tags(database) == [("c1", "retail"), ("c2", "vip"), ("c2", "wholesale")]


def test_client_without_tags_loses_them_if_there_is_a_tag_file(database, write_extract):
    load(database, GOLDEN)
    clients = CLIENTS + "c1,Acme Voice,client,r1,USD,2018-03-02T10:00:00Z,2018-03-02T10:00:00Z\n"
    load(database, write_extract({"clients.csv": clients}))
    assert ("c1", "retail") in read_tags(database)
    load(database, write_extract({"clients.csv": clients, "client_tags.csv": "client_id,tag\n"}))
    assert read_tags(database) == [("c2", "retail"), ("c2", "vip")]


def test_owner_can_come_later_or_be_in_the_database(database, write_extract):
    at = "2018-03-02T10:00:00Z,2018-03-02T10:00:00Z"
    rows = f"c1,One,client,r2,USD,{at}\nr2,Two,reseller,r1,USD,{at}\nr1,Three,reseller,,USD,{at}\n"
    load(database, write_extract({"clients.csv": CLIENTS + rows}))
    again = f"c2,Four,call_shop,r2,EUR,{at}\n"
    assert count_rows(load(database, write_extract({"clients.csv": CLIENTS + again}))) == {
        "clients": (1, 0, 0)
    }


def two_frames(content: bytes) -> bytes:
    return zstandard.compress(content[:9]) + zstandard.compress(content[9:])


@pytest.mark.parametrize(("end", "pack"), [("", bytes), (".gz", gzip.compress), (".zst", two_frames)])
def test_column_order_bom_quotes_and_compression_do_not_matter(database, write_extract, end, pack):
    name = 'Smith, "Jones"\r\n=HYPERLINK("http://x") <script> Київ'
    quoted = '"' + name.replace('"', '""') + '"'
    text = f'\ufeffname,package_id\r\n{quoted},p1\r\n"\\.",p2\r\n'
    load(database, write_extract({f"packages.csv{end}": pack(text.encode())}))
    assert database.execute("select * from billing.packages order by 1").fetchall() == [
        ("p1", name),
        ("p2", "\\."),
    ]


def test_last_line_without_line_end_is_a_line(database, write_extract):
    assert count_rows(load(database, write_extract({"packages.csv": "package_id,name\np1,One"}))) == {
        "packages": (1, 0, 0)
    }


def test_progress_counts_bytes_up_to_the_last(database):
    steps = []
    load(database, GOLDEN, progress=lambda *step: steps.append(step))
    size = (GOLDEN / "clients.csv").stat().st_size
    assert ("clients.csv", size, size) in steps
    assert all(done <= total for _, done, total in steps)


def test_load_waits_for_the_source_lock(database, database_url):
    with psycopg.connect(database_url) as build:
        build.execute("select pg_advisory_xact_lock(%s)", [source.SOURCE_LOCK])
        loading = threading.Thread(target=load, args=(database, GOLDEN))
        loading.start()
        wait_for_advisory_lock_waiter(database_url, source.SOURCE_LOCK)
        assert build.execute("select count(*) from billing.clients").fetchone() == (0,)
        build.commit()
        loading.join(10)
    assert not loading.is_alive()
    assert database.execute("select count(*) from dynamics.loads").fetchone() == (1,)


def test_all_columns_of_the_schema_have_comments(database):
    source.ensure_schema(database)
    undocumented = database.execute(
        "select attrelid::regclass, attname from pg_attribute where attnum > 0 and attrelid in"
        " (select oid from pg_class where relnamespace = 'billing'::regnamespace and relkind = 'r')"
        " and col_description(attrelid, attnum) is null"
    ).fetchall()
    assert undocumented == []


def test_folder_without_an_extract_is_rejected(database, tmp_path, write_extract):
    with pytest.raises(RequestError, match="No such file"):
        load(database, tmp_path / "nowhere")
    with pytest.raises(
        RequestError, match=r"clients\.csv, client_tags\.csv, packages\.csv, transactions\.csv"
    ):
        load(database, write_extract({"README.md": "no extract"}, "empty"))
    with pytest.raises(
        RequestError, match=r"'client\.csv' is not a file of an extract. The files are clients\.csv, "
    ):
        load(database, write_extract({"client.csv": ""}, "strange"))
    with pytest.raises(RequestError, match=r"both packages\.csv and packages\.csv\.gz"):
        load(database, write_extract({"packages.csv": "", "packages.csv.gz": b""}, "twice"))
    with pytest.raises(RequestError, match="has no offset from UTC"):
        load(database, GOLDEN, as_of=datetime(2019, 1, 1))


@pytest.mark.parametrize(
    ("end", "pack"), [("gz", gzip.compress), ("zst", zstandard.ZstdCompressor(write_checksum=True).compress)]
)
def test_damaged_compressed_file_is_rejected(database, write_extract, end, pack):
    content = b"package_id,name\n" + b"".join(b"p%d,%d\n" % (n, n * n) for n in range(9999))
    packed = pack(content)
    for bad in (
        packed[:-9],
        packed[: len(packed) // 2],
        packed[:99] + b"\xff" * 50 + packed[149:],
        b"nothing",
    ):
        with pytest.raises(
            RequestError,
            match=rf"packages\.csv\.{end} is a damaged or incomplete \.{end} file .*Create it again",
        ):
            load(database, write_extract({f"packages.csv.{end}": bad}))
    assert database.execute("select count(*) from billing.packages").fetchone() == (0,)


def read_constraints(database) -> list[tuple]:
    query = """
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid), null from pg_constraint
        where connamespace = 'billing'::regnamespace
        union all
        select tablename, indexname, indexdef, null from pg_indexes where schemaname = 'billing'
        order by 1, 2, 3"""
    return database.execute(query).fetchall()


def test_first_load_keeps_all_indexes_and_references(database):
    database.execute("create index of_client on billing.transactions (client_id) where voided_at is null")
    before = read_constraints(database)
    load(database, GOLDEN)
    assert read_constraints(database) == before
    database.execute("insert into billing.packages values ('p9', 'Nine')")
    for broken in ("insert into billing.transactions select * from billing.transactions",
                   "update billing.transactions set client_id = 'nobody'"):  # fmt: skip
        with pytest.raises(psycopg.IntegrityError), database.transaction():
            database.execute(broken)


def test_failed_first_load_keeps_all_indexes_and_references(database, write_extract):
    before = read_constraints(database)
    row = "c1,One,client,,USD,2018-01-01T00:00:00Z,2018-01-01T00:00:00Z\n"
    again = "t1,c1,2018-01-01T00:00:00Z,usage,-1,,2018-01-01T00:00:00Z,\n"
    bad = {"clients.csv": CLIENTS + row, "transactions.csv": TRANSACTIONS + again + again}
    with pytest.raises(
        RequestError, match=r"transactions.csv line 3, column transaction_id: 't1' is on an earlier line too"
    ):
        load(database, write_extract(bad))
    assert read_constraints(database) == before
    assert database.execute("select count(*) from billing.clients").fetchone() == (0,)


def test_own_constraint_of_the_database_is_reported(database, write_extract):
    database.execute("alter table billing.packages add constraint short check (length(name) < 4)")
    with pytest.raises(
        RequestError, match=r"the database rejects packages.csv: .*\"short\". Nothing was loaded"
    ):
        load(database, write_extract({"packages.csv": "package_id,name\np1,Gold\n"}))
