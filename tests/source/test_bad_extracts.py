"""A bad extract is refused with file, line, column and value, and leaves everything as it was."""

import re

import pytest

from orchestration import source
from orchestration.errors import RequestError

CLIENTS = "client_id,name,client_type,owner_id,currency,created_at,updated_at\n"
TAGS = "client_id,tag\n"
PACKAGES = "package_id,name\n"
TRANSACTIONS = "transaction_id,client_id,occurred_at,kind,amount,package_id,updated_at,voided_at\n"
RATES = "currency,valid_from,rate\n"
AT = "2018-03-02T10:00:00Z"


def client(number=7, name="Name", kind="client", owner="r1", currency="USD", created=AT, updated=AT) -> str:
    return f"c{number},{name},{kind},{owner},{currency},{created},{updated}\n"


def transaction(
    number=7, client="c1", at=AT, kind="usage", amount="-1.5", package="", updated=AT, voided=""
) -> str:
    return f"t{number},{client},{at},{kind},{amount},{package},{updated},{voided}\n"


HEADERS = {
    "a column that the table lacks": ("clients.csv", CLIENTS.replace("name", "nom"), "clients.csv line 1: 'nom' is no column of it; the columns are client_id, name,"),
    "a column that the file lacks": ("packages.csv", "package_id\n", "packages.csv line 1: column name is missing; the columns are package_id, name, in any order"),
    "a column twice": ("packages.csv", "name,package_id,name\n", "packages.csv line 1: column name is there twice"),
    "no header": ("packages.csv", "p7,One\n", "packages.csv line 1: 'p7' is no column of it"),
    "an empty file": ("packages.csv", "", "packages.csv line 1: '' is no column of it"),
    "another separator": ("packages.csv", "package_id;name\n", "packages.csv line 1: 'package_id;name' is no column"),
    "old Macintosh line ends": ("packages.csv", "package_id,name\rp7,One\r", r"packages.csv line 1: 'name\rp7' is no column"),
    "UTF-16": ("packages.csv", PACKAGES.encode("utf-16"), "packages.csv line 1 is not UTF-8"),
}  # fmt: skip

FORMS = {
    "too few fields": ("packages.csv", PACKAGES + "p7,One\np8\n", "packages.csv line 3 has 1 fields where the header has 2"),
    "too many fields": ("packages.csv", PACKAGES + "p7,One,Two\n", "packages.csv line 2 has 3 fields where the header has 2"),
    "a comma that is not quoted": ("packages.csv", PACKAGES + '"p,7","O"",""ne"\np8,One, Two\n', "packages.csv line 3 has 3 fields"),
    "an empty line": ("packages.csv", PACKAGES + "p7,One\n\np8,Two\n", "packages.csv line 3 has 1 fields"),
    "a record of several lines": ("packages.csv", PACKAGES + 'p7,"One\n\n"\np8,"Two\nlines",\n', "packages.csv line 5 has 3 fields"),
    "an end-of-data mark": ("packages.csv", PACKAGES + "p7,One\n\\.\np8,Two\n", "packages.csv line 3 has 1 fields"),
    "a quote that stays open": ("packages.csv", PACKAGES + 'p7,One\np8,"Two\np9,Three\n', "packages.csv line 3 opens a quote that is never closed"),
    "bytes that are not UTF-8": ("packages.csv", PACKAGES.encode() + b'p7,"One\nTw\xff"\n', "packages.csv line 3 is not UTF-8 (byte 0xff)"),
    "a NUL byte": ("packages.csv", PACKAGES + "p7,One\np8,T\0wo\n", "packages.csv line 3 holds a NUL byte"),
    "line ends that vary": ("packages.csv", PACKAGES + "p7,One\r\np8,Two\n", "packages.csv line 3 cannot be read: unquoted newline found in data"),
}  # fmt: skip

INSTANT = "is no ISO 8601 time with its offset from UTC; one such as 2018-03-31T23:59:59Z or 2018-03-31T23:59:59+03:00 is needed"
AMOUNT = (
    "is no amount; a number such as -12.50 is needed, without exponent, at most 14 digits before the point"
)

VALUES = {
    "no id": ("packages.csv", PACKAGES + "p7,One\n,Two\n", "packages.csv line 3, column package_id: '' is empty; a value is needed"),
    "a quoted nothing": ("packages.csv", PACKAGES + 'p7,""\n', "packages.csv line 2, column name: '' is empty; a value is needed"),
    "no time": ("transactions.csv", TRANSACTIONS + transaction(at=""), "transactions.csv line 2, column occurred_at: '' is empty"),
    "no amount": ("transactions.csv", TRANSACTIONS + transaction(amount=""), "transactions.csv line 2, column amount: '' is empty"),
    "a long id": ("packages.csv", PACKAGES + f"{'p' * 256},One\n", f"packages.csv line 2, column package_id: '{'p' * 60}…' is too long; at most 255 bytes"),
    "a client type": ("clients.csv", CLIENTS + client(kind="Client"), "clients.csv line 2, column client_type: 'Client' is no client type; client, reseller, calling_card or call_shop is needed"),
    "a kind": ("transactions.csv", TRANSACTIONS + transaction(kind="fee"), "transactions.csv line 2, column kind: 'fee' is no kind; refill, usage, package_activation, package_renewal, transfer or adjustment is needed"),
    "a currency": ("clients.csv", CLIENTS + client(currency="usd"), "clients.csv line 2, column currency: 'usd' is no currency; an ISO 4217 code such as USD is needed"),
    "a currency of a rate": ("exchange_rates.csv", RATES + "EURO,2018-01-01,1\n", "exchange_rates.csv line 2, column currency: 'EURO' is no currency"),
    "a naive time": ("clients.csv", CLIENTS + client(created="2018-03-02T10:00:00"), f"clients.csv line 2, column created_at: '2018-03-02T10:00:00' {INSTANT}"),
    "a date for a time": ("clients.csv", CLIENTS + client(updated="2018-03-02"), f"clients.csv line 2, column updated_at: '2018-03-02' {INSTANT}"),
    "a day that is none": ("transactions.csv", TRANSACTIONS + transaction(at="2018-02-29T10:00:00Z"), f"transactions.csv line 2, column occurred_at: '2018-02-29T10:00:00Z' {INSTANT}"),
    "a time of another form": ("transactions.csv", TRANSACTIONS + transaction(voided="02.03.2018 10:00:00 UTC"), f"transactions.csv line 2, column voided_at: '02.03.2018 10:00:00 UTC' {INSTANT}"),
    "a time without an end": ("transactions.csv", TRANSACTIONS + transaction(voided="infinity"), f"transactions.csv line 2, column voided_at: 'infinity' {INSTANT}"),
    "a year that is a slip": ("transactions.csv", TRANSACTIONS + transaction(at="0218-03-02T10:00:00Z"), "transactions.csv line 2, column occurred_at: '0218-03-02T10:00:00Z' is out of range"),
    "a word for an amount": ("transactions.csv", TRANSACTIONS + transaction(amount="free"), f"transactions.csv line 2, column amount: 'free' {AMOUNT}"),
    "an exponent": ("transactions.csv", TRANSACTIONS + transaction(amount="1e3"), f"transactions.csv line 2, column amount: '1e3' {AMOUNT}"),
    "a comma for a point": ("transactions.csv", TRANSACTIONS + transaction(amount='"1,5"'), f"transactions.csv line 2, column amount: '1,5' {AMOUNT}"),
    "not a number": ("transactions.csv", TRANSACTIONS + transaction(amount="NaN"), f"transactions.csv line 2, column amount: 'NaN' {AMOUNT}"),
    "too large an amount": ("transactions.csv", TRANSACTIONS + transaction(amount="123456789012345"), f"transactions.csv line 2, column amount: '123456789012345' {AMOUNT}"),
    "a seventh decimal": ("transactions.csv", TRANSACTIONS + transaction(amount="1.0000001"), "transactions.csv line 2, column amount: '1.0000001' has more than 6 decimals; at most 6 are allowed"),
    "a date of a rate": ("exchange_rates.csv", RATES + "EUR,2018-13-01,1.2\n", "exchange_rates.csv line 2, column valid_from: '2018-13-01' is no date; one such as 2018-03-31 is needed"),
    "a rate of nothing": ("exchange_rates.csv", RATES + "EUR,2018-01-01,0.00\n", "exchange_rates.csv line 2, column rate: '0.00' is no rate; a number above 0 such as 1.22 is needed"),
    "a rate below nothing": ("exchange_rates.csv", RATES + "EUR,2018-01-01,-1\n", "exchange_rates.csv line 2, column rate: '-1' is no rate"),
    "a rate of the base currency": ("exchange_rates.csv", RATES + "USD,2018-01-01,1.00\nUSD,2018-02-01,1.01\n", "exchange_rates.csv line 3, column rate: '1.01' is the rate of the base currency, which is worth 1"),
    "a value of many lines": ("transactions.csv", TRANSACTIONS + transaction(kind='"a\n\tb"'), r"transactions.csv line 2, column kind: 'a\n\tb' is no kind"),
}  # fmt: skip

REFERENCES = {
    "a key twice": ("packages.csv", PACKAGES + "p7,One\np8,Two\np7,Three\n", "packages.csv line 4, column package_id: 'p7' is there already, on an earlier line"),
    "a tag twice": ("client_tags.csv", TAGS + "c1,a\nc1,b\nc1,a\n", "client_tags.csv line 4, column client_id, tag: 'c1', 'a' is there already"),
    "a rate twice": ("exchange_rates.csv", RATES + "EUR,2018-01-01,1.1\nEUR,2018-01-01,1.2\n", "exchange_rates.csv line 3, column currency, valid_from: 'EUR', '2018-01-01' is there already"),
    "a tag of nobody": ("client_tags.csv", TAGS + "c1,a\nc8,a\n", "client_tags.csv line 3, column client_id: 'c8' is no client, neither in clients.csv nor in the database"),
    "a transaction of nobody": ("transactions.csv", TRANSACTIONS + transaction(client="c8"), "transactions.csv line 2, column client_id: 'c8' is no client"),
    "a package of nobody": ("transactions.csv", TRANSACTIONS + transaction(package="p8"), "transactions.csv line 2, column package_id: 'p8' is no package, neither in packages.csv nor in the database"),
    "an owner of no existence": ("clients.csv", CLIENTS + client(owner="r8"), "clients.csv line 2, column owner_id: 'r8' is no reseller, neither here nor in the database"),
    "an owner that is no reseller": ("clients.csv", CLIENTS + client(owner="c1"), "clients.csv line 2, column owner_id: 'c1' is no reseller"),
    "an owner that owns itself": ("clients.csv", CLIENTS + client(kind="reseller", owner="c7"), "clients.csv line 2, column owner_id: 'c7' is the client itself"),
    "an owner that stops being a reseller": ("clients.csv", CLIENTS + f"r1,Northline,client,,USD,{AT},{AT}\n", "clients.csv line 2, column client_type: 'client' is the type of an owner of clients; it must stay reseller"),
    "an owner that stops as its clients come": ("clients.csv", CLIENTS + client(1) + client(2) + f"r1,N,client,,USD,{AT},{AT}\n", "clients.csv line 2, column owner_id: 'r1' is no reseller"),
}  # fmt: skip

PLACES = {
    "the line is the file's own": ("clients.csv", CLIENTS.replace("\n", "\r\n") + (client(6, '"two\nlines, ""q"""') + client(7, currency="?")).replace("\n", "\r\n"), "clients.csv line 4, column currency: '?'"),
    "the first of several speaks": ("clients.csv", CLIENTS + client(5) + client(6, kind="x") + client(7, currency="y") + client(5), "clients.csv line 3, column client_type: 'x' is no client type; client, reseller, calling_card or call_shop is needed (and 2 more)"),
    "columns in another order": ("packages.csv", "name,package_id\nOne,p7\nTwo,\n", "packages.csv line 3, column package_id: ''"),
}  # fmt: skip

CASES = {**HEADERS, **FORMS, **VALUES, **REFERENCES, **PLACES}


def everything(connection) -> list[list[tuple]]:
    tables = [
        f"billing.{name}" for name in ("clients", "client_tags", "packages", "transactions", "exchange_rates")
    ]
    found = [
        connection.execute(f"select t.xmin::text, t::text from {table} t order by 2").fetchall()
        for table in [*tables, "dynamics.loads"]
    ]
    connection.commit()
    return found


@pytest.mark.parametrize(("file", "content", "message"), CASES.values(), ids=CASES.keys())
def test_what_is_wrong_is_named_and_nothing_is_loaded(golden_database, write_extract, file, content, message):
    before = everything(golden_database)
    good = {"clients.csv": CLIENTS + client(9), "client_tags.csv": TAGS + "c1,changed\n"}
    folder = write_extract(good | {file: content})
    with pytest.raises(RequestError) as refusal:
        source.load(golden_database, folder, as_of=None, base_currency="USD")
    assert str(refusal.value).startswith(message)
    assert re.fullmatch(r"[^\n\r\t\0]+", str(refusal.value))
    assert everything(golden_database) == before


@pytest.mark.parametrize(
    "instant",
    [
        "2018-03-02T10:00:00+02:00",
        "2018-03-02 10:00:00.123456-0330",
        "2018-03-02T10:00Z",
        "2018-03-02 10:00:00+00",
    ],
)
def test_every_form_of_an_instant_with_its_offset_is_taken(database, write_extract, instant):
    rows = f"c1,One,client,,USD,{instant},{instant}\n"
    source.load(database, write_extract({"clients.csv": CLIENTS + rows}), as_of=None, base_currency="USD")
    assert database.execute(
        "select created_at = %s::timestamptz from billing.clients", [instant]
    ).fetchone() == (True,)


def test_a_rate_above_or_below_one_is_right_for_what_is_not_the_base(database, write_extract):
    folder = write_extract({"exchange_rates.csv": RATES + "USD,2018-01-01,0.82\nEUR,2018-01-01,1\n"})
    summary = source.load(database, folder, as_of=None, base_currency="EUR")
    assert summary.tables["exchange_rates"].inserted == 2
