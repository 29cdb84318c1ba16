"""Tiny extracts written by hand, and their reports: the words in which the reference's tests speak."""

from datetime import UTC, date, datetime
from decimal import Decimal

from extract import Client, Extract, Package, Rate, Tag, Transaction
from periods import Params
from reference import reference_report

LATER = datetime(2030, 1, 1, tzinfo=UTC)
MARCH = (date(2018, 3, 1), date(2018, 3, 31))
FIRST_HALF = (date(2018, 1, 1), date(2018, 6, 30))


def at(text):
    """A UTC instant."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def client(client_id, *, client_type="client", owner=None, currency="USD", created="2018-01-01", name=None):
    return Client(client_id, name or client_id, client_type, owner, currency, at(created), at(created))


def moved(client_id, when, kind, amount, package=None, *, voided=None):
    """A transaction; its id says all about it."""
    key = f"{client_id} {when} {kind} {amount}"
    return Transaction(key, client_id, at(when), kind, Decimal(amount), package, at(when), voided)


def world(*rows):
    """An extract of the rows, each put into its own table."""

    def of(row_type):
        return tuple(row for row in rows if isinstance(row, row_type))

    return Extract(of(Client), of(Tag), of(Package), of(Transaction), of(Rate))


def asked(first, last, **parameters):
    return Params(interval=(first, last), **parameters)


def report(extract, params, as_of=LATER, base_currency="USD"):
    return reference_report(extract, params, as_of=as_of, base_currency=base_currency, now=LATER)


def line(rows, *name):
    """The values of the one row that begins with these names."""
    (found,) = [row for row in rows if tuple(row[: len(name)]) == name]
    return found[len(name) :]
