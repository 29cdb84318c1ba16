"""The sample is repeatable, keeps the contract, and contains what a demonstration needs."""

import csv
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from orchestration import source
from orchestration.errors import RequestError

UNTIL = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def sample(tmp_path_factory) -> source.SampleSummary:
    return source.write_sample(tmp_path_factory.mktemp("sample"), clients=300, months=24, seed=7, until=UNTIL)


@pytest.fixture(scope="module")
def tables(sample) -> dict[str, list[dict[str, str]]]:
    return {name: read_table(sample.folder, name) for name in sample.rows}


def read_table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_same_arguments_write_the_same_bytes(tmp_path):
    first, again, other = (
        read_files(source.write_sample(tmp_path / name, clients=40, months=3, seed=seed, until=UNTIL).folder)
        for name, seed in (("first", 1), ("again", 1), ("other", 2))
    )
    assert first == again
    assert first["transactions.csv"] != other["transactions.csv"]


def test_sample_can_be_loaded(database, sample):
    summary = source.load(database, sample.folder, as_of=UNTIL, base_currency="USD")
    assert {name: changes.inserted for name, changes in summary.tables.items()} == sample.rows


def test_twenty_clients_have_all_names_of_the_saved_queries(tmp_path):
    folder = source.write_sample(tmp_path, clients=20, months=1, seed=3, until=UNTIL).folder
    clients = {row["name"]: row for row in read_table(folder, "clients")}
    assert (
        clients["Northline Telecom"]["client_type"] == clients["Meridian Reach"]["client_type"] == "reseller"
    )
    assert clients["Meridian Reach"]["owner_id"] == clients["Northline Telecom"]["client_id"]
    assert {'=HYPERLINK("http://x")', "<script>alert(1)</script>"} <= clients.keys()
    assert {row["client_type"] for row in clients.values()} == {
        "client",
        "reseller",
        "calling_card",
        "call_shop",
    }
    assert {"retail", "wholesale", "vip", "trial"} <= {
        row["tag"] for row in read_table(folder, "client_tags")
    }
    assert {"Unlimited 870", "Weekend Minutes"} <= {row["name"] for row in read_table(folder, "packages")}


@pytest.mark.parametrize("clients", [1, 2, 3])
def test_smallest_samples_can_be_loaded(database, tmp_path, clients):
    folder = source.write_sample(tmp_path, clients=clients, months=1, seed=3, until=UNTIL).folder
    assert (
        source.load(database, folder, as_of=None, base_currency="USD").tables["clients"].inserted == clients
    )


def test_client_has_about_a_hundred_transactions_in_two_years(sample):
    assert 85 <= sample.rows["transactions"] / sample.rows["clients"] <= 115


def test_sample_has_all_kinds_of_corrections(tables):
    created = {row["client_id"]: row["created_at"] for row in tables["clients"]}
    rows = tables["transactions"]
    assert any(row["occurred_at"] < created[row["client_id"]] for row in rows)
    assert any(row["voided_at"] for row in rows)
    assert any(row["updated_at"] > row["occurred_at"] and not row["voided_at"] for row in rows)
    assert {row["kind"] for row in rows} == {
        *("refill", "usage", "package_activation", "package_renewal", "transfer", "adjustment")
    }
    assert (
        max(max(row["occurred_at"], row["updated_at"], row["voided_at"]) for row in rows) < UNTIL.isoformat()
    )


def test_activation_comes_with_its_first_renewal(tables):
    rows = tables["transactions"]
    renewals = {
        (row["client_id"], row["occurred_at"], row["package_id"]) for row in rows if "renewal" in row["kind"]
    }
    activations = [row for row in rows if row["kind"] == "package_activation"]
    assert all((row["client_id"], row["occurred_at"], row["package_id"]) in renewals for row in activations)
    assert len(renewals) > 3 * len(activations)


def test_transfers_add_up_to_zero(tables):
    sums = Counter()
    for row in tables["transactions"]:
        if row["kind"] == "transfer":
            sums[row["occurred_at"]] += int(row["amount"].replace(".", ""))
    assert sums
    assert set(sums.values()) == {0}


def test_rates_have_gaps_but_cover_all_transactions(tables):
    dates = {}
    for row in tables["exchange_rates"]:
        dates.setdefault(row["currency"], []).append(date.fromisoformat(row["valid_from"]))
    currency = {row["client_id"]: row["currency"] for row in tables["clients"]}
    assert set(currency.values()) - {"USD"} == dates.keys()
    for row in tables["transactions"]:
        if (code := currency[row["client_id"]]) != "USD":
            assert dates[code][0] <= date.fromisoformat(row["occurred_at"][:10])
    assert max(after - day for day, after in zip(dates["EUR"], dates["EUR"][1:], strict=False)) > timedelta(
        days=2
    )


def test_owners_have_two_levels_and_names_have_many_scripts(tables):
    owner = {row["client_id"]: row["owner_id"] for row in tables["clients"]}
    assert any(owner.get(owner.get(client, ""), "") for client in owner)
    names = "".join(row["name"] for row in tables["clients"])
    assert all(character in names for character in ',"\nї美م')


def test_some_balances_are_below_zero(tables):
    balances = Counter()
    for row in tables["transactions"]:
        balances[row["client_id"]] += 0 if row["voided_at"] else int(row["amount"].replace(".", ""))
    negative = sum(balance < 0 for balance in balances.values())
    assert 0.1 < negative / len(balances) < 0.4


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"clients": 0}, "0 clients and 1 months is empty"),
        ({"months": 0}, "1 clients and 0 months is empty"),
        ({"months": 9_999}, "are too many"),
        ({"until": datetime(2026, 1, 1)}, "has no offset from UTC"),
    ],
)
def test_invalid_numbers_are_rejected(tmp_path, options, message):
    with pytest.raises(RequestError, match=message):
        source.write_sample(tmp_path, **({"clients": 1, "months": 1, "seed": 1, "until": UNTIL} | options))


def test_sample_ends_with_yesterday_by_default(tmp_path):
    before = datetime.now(UTC).date()
    summary = source.write_sample(tmp_path, clients=1, months=1, seed=1, until=None)
    assert before <= summary.until.date() <= datetime.now(UTC).date()
    assert summary.until.time().isoformat() == "00:00:00"


def test_file_in_place_of_the_folder_is_rejected(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RequestError, match="cannot write the sample"):
        source.write_sample(tmp_path / "file", clients=1, months=1, seed=1, until=UNTIL)
