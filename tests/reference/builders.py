"""Builders of small extracts and of their reference reports."""

from datetime import UTC, date, datetime
from decimal import Decimal

from extract import Client, Extract, Package, Rate, Tag, Transaction
from periods import Params
from reference import reference_report

LATER = datetime(2030, 1, 1, tzinfo=UTC)
MARCH = (date(2018, 3, 1), date(2018, 3, 31))
FIRST_HALF = (date(2018, 1, 1), date(2018, 6, 30))


def utc(text):
    """Return the UTC instant that a text describes."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def client(client_id, *, client_type="client", owner=None, currency="USD", created="2018-01-01", name=None):
    return Client(client_id, name or client_id, client_type, owner, currency, utc(created), utc(created))


def transaction(client_id, when, kind, amount, package=None, *, voided=None):
    """Return a transaction. Its id consists of its values."""
    key = f"{client_id} {when} {kind} {amount}"
    return Transaction(key, client_id, utc(when), kind, Decimal(amount), package, utc(when), voided)


def make_extract(*rows):
    """Return an extract of the rows, each in its own table."""

    def select(row_type):
        return tuple(row for row in rows if isinstance(row, row_type))

    return Extract(select(Client), select(Tag), select(Package), select(Transaction), select(Rate))


def make_params(first, last, **parameters):
    return Params(interval=(first, last), **parameters)


def compute_rows(extract, params, as_of=LATER, base_currency="USD"):
    """Return the rows of the reference report."""
    return reference_report(extract, params, as_of=as_of, base_currency=base_currency, now=LATER)


def row_values(rows, *names):
    """Return the values of the only row that begins with these names."""
    (row,) = [row for row in rows if tuple(row[: len(names)]) == names]
    return row[len(names) :]
