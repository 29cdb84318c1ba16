"""A bad extract is rejected with file, line, column and value, and changes nothing."""

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
    "an unknown column": ("clients.csv", CLIENTS.replace("name", "nom"), "clients.csv line 1: 'nom' is not a column of it. The columns are client_id, name,"),
    "a missing column": ("packages.csv", "package_id\n", "packages.csv line 1: column name is missing. The columns are package_id, name, in any order"),
    "a repeated column": ("packages.csv", "name,package_id,name\n", "packages.csv line 1: column name occurs twice"),
    "no header": ("packages.csv", "p7,One\n", "packages.csv line 1: 'p7' is not a column of it"),
    "an empty file": ("packages.csv", "", "packages.csv line 1: '' is not a column of it"),
    "another separator": ("packages.csv", "package_id;name\n", "packages.csv line 1: 'package_id;name' is not a column"),
    "line ends of old Macintoshes": ("packages.csv", "package_id,name\rp7,One\r", r"packages.csv line 1: 'name\rp7' is not a column"),
    "UTF-16": ("packages.csv", PACKAGES.encode("utf-16"), "packages.csv line 1 is not UTF-8"),
}  # fmt: skip

FORMS = {
    "too few fields": ("packages.csv", PACKAGES + "p7,One\np8\n", "packages.csv line 3 has 1 fields, but the header has 2"),
    "too many fields": ("packages.csv", PACKAGES + "p7,One,Two\n", "packages.csv line 2 has 3 fields, but the header has 2"),
    "an unquoted comma": ("packages.csv", PACKAGES + '"p,7","O"",""ne"\np8,One, Two\n', "packages.csv line 3 has 3 fields"),
    "an empty line": ("packages.csv", PACKAGES + "p7,One\n\np8,Two\n", "packages.csv line 3 has 1 fields"),
    "a record of several lines": ("packages.csv", PACKAGES + 'p7,"One\n\n"\np8,"Two\nlines",\n', "packages.csv line 5 has 3 fields"),
    "an end-of-data mark": ("packages.csv", PACKAGES + "p7,One\n\\.\np8,Two\n", "packages.csv line 3 has 1 fields"),
    "an open quote": ("packages.csv", PACKAGES + 'p7,One\np8,"Two\np9,Three\n', "packages.csv line 3 opens a quote and never closes it"),
    "bytes that are not UTF-8": ("packages.csv", PACKAGES.encode() + b'p7,"One\nTw\xff"\n', "packages.csv line 3 is not UTF-8 (byte 0xff)"),
    "a NUL byte": ("packages.csv", PACKAGES + "p7,One\np8,T\0wo\n", "packages.csv line 3 contains a NUL byte"),
    "mixed line ends": ("packages.csv", PACKAGES + "p7,One\r\np8,Two\n", "packages.csv line 3 cannot be read: unquoted newline found in data"),
}  # fmt: skip

TIME = "is not a valid time. Use ISO 8601 with an offset from UTC, such as 2018-03-31T23:59:59Z or 2018-03-31T23:59:59+03:00"
AMOUNT = (
    "is not a valid amount. Use a number such as -12.50,"
    " without an exponent and with at most 14 digits before the point"
)

VALUES = {
    "no id": ("packages.csv", PACKAGES + "p7,One\n,Two\n", "packages.csv line 3, column package_id: '' is empty. Enter a value"),
    "a quoted empty value": ("packages.csv", PACKAGES + 'p7,""\n', "packages.csv line 2, column name: '' is empty. Enter a value"),
    "no time": ("transactions.csv", TRANSACTIONS + transaction(at=""), "transactions.csv line 2, column occurred_at: '' is empty"),
    "no amount": ("transactions.csv", TRANSACTIONS + transaction(amount=""), "transactions.csv line 2, column amount: '' is empty"),
    "a long id": ("packages.csv", PACKAGES + f"{'p' * 256},One\n", f"packages.csv line 2, column package_id: '{'p' * 60}…' is too long. Use at most 255 bytes"),
    "a client type": ("clients.csv", CLIENTS + client(kind="Client"), "clients.csv line 2, column client_type: 'Client' is not a client type. Use client, reseller, calling_card or call_shop"),
    "a kind": ("transactions.csv", TRANSACTIONS + transaction(kind="fee"), "transactions.csv line 2, column kind: 'fee' is not a transaction kind. Use refill, usage, package_activation, package_renewal, transfer or adjustment"),
    "a currency": ("clients.csv", CLIENTS + client(currency="usd"), "clients.csv line 2, column currency: 'usd' is not a valid currency. Use an ISO 4217 code such as EUR"),
    "a currency of a rate": ("exchange_rates.csv", RATES + "EURO,2018-01-01,1\n", "exchange_rates.csv line 2, column currency: 'EURO' is not a valid currency"),
    "a naive time": ("clients.csv", CLIENTS + client(created="2018-03-02T10:00:00"), f"clients.csv line 2, column created_at: '2018-03-02T10:00:00' {TIME}"),
    "a date as a time": ("clients.csv", CLIENTS + client(updated="2018-03-02"), f"clients.csv line 2, column updated_at: '2018-03-02' {TIME}"),
    "a day that does not exist": ("transactions.csv", TRANSACTIONS + transaction(at="2018-02-29T10:00:00Z"), f"transactions.csv line 2, column occurred_at: '2018-02-29T10:00:00Z' {TIME}"),
    "another time format": ("transactions.csv", TRANSACTIONS + transaction(voided="02.03.2018 10:00:00 UTC"), f"transactions.csv line 2, column voided_at: '02.03.2018 10:00:00 UTC' {TIME}"),
    "infinity": ("transactions.csv", TRANSACTIONS + transaction(voided="infinity"), f"transactions.csv line 2, column voided_at: 'infinity' {TIME}"),
    "a mistyped year": ("transactions.csv", TRANSACTIONS + transaction(at="0218-03-02T10:00:00Z"), "transactions.csv line 2, column occurred_at: '0218-03-02T10:00:00Z' is out of range"),
    "a word as an amount": ("transactions.csv", TRANSACTIONS + transaction(amount="free"), f"transactions.csv line 2, column amount: 'free' {AMOUNT}"),
    "an exponent": ("transactions.csv", TRANSACTIONS + transaction(amount="1e3"), f"transactions.csv line 2, column amount: '1e3' {AMOUNT}"),
    "a decimal comma": ("transactions.csv", TRANSACTIONS + transaction(amount='"1,5"'), f"transactions.csv line 2, column amount: '1,5' {AMOUNT}"),
    "not a number": ("transactions.csv", TRANSACTIONS + transaction(amount="NaN"), f"transactions.csv line 2, column amount: 'NaN' {AMOUNT}"),
    "too large an amount": ("transactions.csv", TRANSACTIONS + transaction(amount="123456789012345"), f"transactions.csv line 2, column amount: '123456789012345' {AMOUNT}"),
    "seven decimals": ("transactions.csv", TRANSACTIONS + transaction(amount="1.0000001"), "transactions.csv line 2, column amount: '1.0000001' has more than 6 decimals. Use at most 6"),
    "a date of a rate": ("exchange_rates.csv", RATES + "EUR,2018-13-01,1.2\n", "exchange_rates.csv line 2, column valid_from: '2018-13-01' is not a valid date. Use a date such as 2018-03-31"),
    "a rate of zero": ("exchange_rates.csv", RATES + "EUR,2018-01-01,0.00\n", "exchange_rates.csv line 2, column rate: '0.00' is not a valid rate. Use a number above 0 such as 1.22"),
    "a negative rate": ("exchange_rates.csv", RATES + "EUR,2018-01-01,-1\n", "exchange_rates.csv line 2, column rate: '-1' is not a valid rate"),
    "a rate of the base currency": ("exchange_rates.csv", RATES + "USD,2018-01-01,1.00\nUSD,2018-02-01,1.01\n", "exchange_rates.csv line 3, column rate: '1.01' is a rate of the base currency, which must be 1"),
    "a value of several lines": ("transactions.csv", TRANSACTIONS + transaction(kind='"a\n\tb"'), r"transactions.csv line 2, column kind: 'a\n\tb' is not a transaction kind"),
}  # fmt: skip

REFERENCES = {
    "a repeated key": ("packages.csv", PACKAGES + "p7,One\np8,Two\np7,Three\n", "packages.csv line 4, column package_id: 'p7' is on an earlier line too"),
    "a repeated tag": ("client_tags.csv", TAGS + "c1,a\nc1,b\nc1,a\n", "client_tags.csv line 4, column client_id, tag: 'c1', 'a' is on an earlier line too"),
    "a repeated rate": ("exchange_rates.csv", RATES + "EUR,2018-01-01,1.1\nEUR,2018-01-01,1.2\n", "exchange_rates.csv line 3, column currency, valid_from: 'EUR', '2018-01-01' is on an earlier line too"),
    "a tag of an unknown client": ("client_tags.csv", TAGS + "c1,a\nc8,a\n", "client_tags.csv line 3, column client_id: 'c8' is not a client, in clients.csv or in the database"),
    "a transaction of an unknown client": ("transactions.csv", TRANSACTIONS + transaction(client="c8"), "transactions.csv line 2, column client_id: 'c8' is not a client"),
    "an unknown package": ("transactions.csv", TRANSACTIONS + transaction(package="p8"), "transactions.csv line 2, column package_id: 'p8' is not a package, in packages.csv or in the database"),
    "an unknown owner": ("clients.csv", CLIENTS + client(owner="r8"), "clients.csv line 2, column owner_id: 'r8' is not a reseller, in this file or in the database"),
    "an owner that is not a reseller": ("clients.csv", CLIENTS + client(owner="c1"), "clients.csv line 2, column owner_id: 'c1' is not a reseller"),
    "an owner that owns itself": ("clients.csv", CLIENTS + client(kind="reseller", owner="c7"), "clients.csv line 2, column owner_id: 'c7' is the client itself"),
    "an owner that stops being a reseller": ("clients.csv", CLIENTS + f"r1,Northline,client,,USD,{AT},{AT}\n", "clients.csv line 2, column client_type: 'client' is the type of a client that owns other clients. Its type must stay reseller"),
    "an owner that stops when its clients arrive": ("clients.csv", CLIENTS + client(1) + client(2) + f"r1,N,client,,USD,{AT},{AT}\n", "clients.csv line 2, column owner_id: 'r1' is not a reseller"),
}  # fmt: skip

PLACES = {
    "a line after a record of two lines": ("clients.csv", CLIENTS.replace("\n", "\r\n") + (client(6, '"two\nlines, ""q"""') + client(7, currency="?")).replace("\n", "\r\n"), "clients.csv line 4, column currency: '?'"),
    "the first of several mistakes": ("clients.csv", CLIENTS + client(5) + client(6, kind="x") + client(7, currency="y") + client(5), "clients.csv line 3, column client_type: 'x' is not a client type. Use client, reseller, calling_card or call_shop (2 more mistakes)"),
    "columns in another order": ("packages.csv", "name,package_id\nOne,p7\nTwo,\n", "packages.csv line 3, column package_id: ''"),
}  # fmt: skip

CASES = {**HEADERS, **FORMS, **VALUES, **REFERENCES, **PLACES}


def read_all_rows(connection) -> list[list[tuple]]:
    """Return all rows with the transaction that wrote them."""
    tables = [
        f"billing.{name}" for name in ("clients", "client_tags", "packages", "transactions", "exchange_rates")
    ]
    rows = [
        connection.execute(f"select t.xmin::text, t::text from {table} t order by 2").fetchall()
        for table in [*tables, "dynamics.loads"]
    ]
    connection.commit()
    return rows


@pytest.mark.parametrize(("file", "content", "message"), CASES.values(), ids=CASES.keys())
def test_mistake_is_reported_and_nothing_is_loaded(golden_database, write_extract, file, content, message):
    before = read_all_rows(golden_database)
    good = {"clients.csv": CLIENTS + client(9), "client_tags.csv": TAGS + "c1,changed\n"}
    folder = write_extract(good | {file: content})
    with pytest.raises(RequestError) as raised:
        source.load(golden_database, folder, as_of=None, base_currency="USD")
    assert str(raised.value).startswith(message)
    assert re.fullmatch(r"[^\n\r\t\0]+", str(raised.value))
    assert read_all_rows(golden_database) == before


@pytest.mark.parametrize(
    "instant",
    [
        "2018-03-02T10:00:00+02:00",
        "2018-03-02 10:00:00.123456-0330",
        "2018-03-02T10:00Z",
        "2018-03-02 10:00:00+00",
    ],
)
def test_time_formats_with_an_offset_are_accepted(database, write_extract, instant):
    rows = f"c1,One,client,,USD,{instant},{instant}\n"
    source.load(database, write_extract({"clients.csv": CLIENTS + rows}), as_of=None, base_currency="USD")
    assert database.execute(
        "select created_at = %s::timestamptz from billing.clients", [instant]
    ).fetchone() == (True,)


def test_rates_of_other_currencies_need_not_be_one(database, write_extract):
    folder = write_extract({"exchange_rates.csv": RATES + "USD,2018-01-01,0.82\nEUR,2018-01-01,1\n"})
    summary = source.load(database, folder, as_of=None, base_currency="EUR")
    assert summary.tables["exchange_rates"].inserted == 2
