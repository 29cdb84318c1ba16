"""Tests that the skewed data depends on its seed only, and that it is skewed."""

import duckdb
import numpy as np
import pytest

from benchmarks.random_questions import random_questions
from benchmarks.skewed_clients import AS_OF, DAY, microseconds
from benchmarks.skewed_data import make_data, write_csv, write_parquet

TRANSACTIONS = 3000


@pytest.fixture(scope="module")
def data():
    return make_data(TRANSACTIONS, seed=1)


def test_data_follows_from_the_seed(data):
    assert data.digest() == "09b99a693e310cc2a7eaf72f9aa61a7f6932f84a8deb1ff0c90287b8f7276f09"


def test_another_seed_makes_other_data(data):
    assert make_data(TRANSACTIONS, seed=2).digest() != data.digest()


def test_data_has_the_requested_number_of_transactions(data):
    assert len(data.transactions.at) == TRANSACTIONS


def test_some_transactions_are_special():
    rows = make_data(500_000, seed=1)
    moved = rows.transactions
    assert (moved.voided >= 0).any()
    assert (moved.at < rows.clients.created[moved.clients]).any()
    assert (moved.at % DAY == 0).any()
    assert (moved.at >= microseconds(AS_OF)).any()
    assert (moved.amounts % 1_000_000 % 10_000 != 0).any()


def test_few_clients_have_most_transactions():
    rows = make_data(100_000, seed=1)
    counts = np.sort(np.bincount(rows.transactions.clients, minlength=len(rows.clients.types)))[::-1]
    assert counts[: len(counts) // 10].sum() > counts.sum() / 2


@pytest.mark.parametrize("table", ["clients", "client_tags", "packages", "transactions", "exchange_rates"])
def test_csv_and_parquet_hold_the_same_rows(data, table, tmp_path):
    write_csv(data, tmp_path, with_closed=True)
    write_parquet(data, tmp_path, with_closed=True)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    parquet = connection.sql(f"from '{tmp_path / table}.parquet'")
    types = dict(zip(parquet.columns, map(str, parquet.types), strict=True))
    csv = connection.read_csv(f"{tmp_path / table}.csv", header=True, dtype=types, na_values=[""])
    assert parquet.fetchall() == csv.fetchall() != []


def test_questions_follow_from_the_seed():
    assert random_questions(30, 1, TRANSACTIONS) == random_questions(30, 1, TRANSACTIONS)
    assert random_questions(30, 1, TRANSACTIONS) != random_questions(30, 2, TRANSACTIONS)


def test_questions_use_every_parameter():
    asked = random_questions(300, 1, TRANSACTIONS)
    assert {each.time_group for each in asked} == {"", "year", "month", "date"}
    assert {each.client_type for each in asked} == {"client", "reseller", "calling_card", "call_shop"}
    assert len({each.zone for each in asked}) > 12
    assert {each.by_package for each in asked} == {True, False}
    for name in ("tags", "owners", "packages"):
        assert {len(getattr(each, name)) for each in asked} == {0, 1, 2}
    assert {"", "USD"} < {each.currency for each in asked}
    assert {each.duration for each in asked} == set(range(1, 13))
    assert any(each.name for each in asked)
