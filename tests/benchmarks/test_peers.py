"""Tests that the peers of the benchmarks compute the same numbers as the product."""

import secrets
from datetime import date

import databases
import pytest

from benchmarks import product
from benchmarks.peers.agreement import difference, product_report
from benchmarks.peers.parquet_files import ParquetPeer
from benchmarks.peers.tables import TablesPeer
from benchmarks.random_questions import Question, random_questions
from benchmarks.skewed_clients import AS_OF
from benchmarks.skewed_data import make_data, write_csv, write_parquet
from benchmarks.skewed_world import World, correct_transaction, undo_corrections

TRANSACTIONS = 3000
WHOLE = Question(first=date(2022, 1, 1), last=date(2026, 9, 30), time_group="month")
QUESTIONS = random_questions(40, seed=4, transactions=TRANSACTIONS)


@pytest.fixture(scope="module")
def data():
    return make_data(TRANSACTIONS, seed=1)


@pytest.fixture(scope="module")
def built(data, server_url, migrated_template, tmp_path_factory):
    """A connection to a database with the marts of the data."""
    folder = tmp_path_factory.mktemp("extract")
    write_csv(data, folder, with_closed=product.has_closed_clients())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DYNAMICS_HOME", str(tmp_path_factory.mktemp("home")))
        url = databases.create(server_url, f"skewed_{secrets.token_hex(4)}", migrated_template)
        patch.setenv("DYNAMICS_DATABASE_URL", url)
        product.settings.cache_clear()
        with product.connect(url) as connection:
            product.load_and_build(connection, folder, folder / "dbt", AS_OF)
            yield connection
    product.settings.cache_clear()


@pytest.fixture(scope="module")
def peers(data, tmp_path_factory):
    """The peers on data without closed clients."""
    return _peers(data, tmp_path_factory.mktemp("parquet"), with_closed=product.has_closed_clients())


@pytest.fixture(scope="module")
def peers_of_closed(data, tmp_path_factory):
    """The peers on data with closed clients."""
    return _peers(data, tmp_path_factory.mktemp("parquet"), with_closed=True)


def _peers(data, folder, *, with_closed):
    write_parquet(data, folder, with_closed=with_closed)
    return [ParquetPeer(folder, AS_OF), TablesPeer(folder / "peer.duckdb", folder, AS_OF)]


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_peers_agree_with_the_product(question, built, peers):
    query = product.ReportQuery.model_validate(question.parameters())
    table = product.compute_report(built, query, base_currency="USD", moment=AS_OF).table
    ours = product_report(table, by_package=question.by_package)
    assert {peer.name: difference(ours, peer.report(question)) for peer in peers} == {
        "DuckDB on Parquet": "",
        "DuckDB on its own tables": "",
    }, question.describe()


def test_peers_agree_about_closed_clients(peers_of_closed):
    on_parquet, on_tables = peers_of_closed
    different = [
        question.describe()
        for question in random_questions(60, seed=5, transactions=TRANSACTIONS)
        if difference(on_parquet.report(question), on_tables.report(question))
    ]
    assert different == []


def test_closed_clients_change_the_numbers(peers_of_closed, tmp_path, data):
    open_only = _peers(data, tmp_path, with_closed=False)[0]
    assert difference(open_only.report(WHOLE), peers_of_closed[0].report(WHOLE)) != ""


def test_a_difference_is_found(built, peers):
    question = next(each for each in QUESTIONS if not each.by_package)
    report = peers[0].report(question)
    changed = report.cells.copy()
    changed[0, 8, 0] += 1
    assert "row 8, period 0" in difference(report, type(report)(report.labels, changed))


def test_corrections_of_a_benchmark_are_undone(built, peers, tmp_path):
    world = World(tmp_path, TRANSACTIONS, seed=1)
    world.home.mkdir()
    rows = "select transaction_id, amount, updated_at from billing.transactions order by 1"
    before = built.execute(rows).fetchall()
    built.commit()
    for _ in range(2):
        correct_transaction(built, "T000001000")
    assert built.execute(rows).fetchall() != before
    built.commit()
    undo_corrections(world)
    assert built.execute(rows).fetchall() == before
    query = product.ReportQuery.model_validate(WHOLE.parameters())
    table = product.compute_report(built, query, base_currency="USD", moment=AS_OF).table
    assert difference(product_report(table, by_package=False), peers[0].report(WHOLE)) == ""
