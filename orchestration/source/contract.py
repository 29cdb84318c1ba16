"""What an extract may say (spec 1): its tables, their columns, and the rules that every value is held to.

A rule is SQL that is true of a broken row. It calls the staged row `staged`, all of whose columns are text,
and its own column `{value}`. The rules of a table run in order and the first that is broken speaks, so each may rely on
those before it: nothing is cast before it is known to be valid.
Those that `billing` does not enforce by itself run for each of millions of rows. A regular expression is the dearest
part of them, and one with counted repetitions costs three times one without, so characters, shape and range are asked
for separately.
"""

from dataclasses import dataclass
from typing import LiteralString


@dataclass(frozen=True, slots=True)
class Rule:
    """`broken`: SQL that is true when the value is refused. `needed`: what is wrong with it and what is allowed."""

    broken: LiteralString
    needed: str
    enforced: bool = False
    """Whether `billing` refuses such a value too, by a type, a constraint or a reference."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its type in `billing`, its rules."""

    name: LiteralString
    type: LiteralString
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the extract and of `billing`; no two rows agree in all columns of `key`."""

    name: LiteralString
    key: tuple[LiteralString, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[LiteralString, ...]:
        """The names of the columns, in the order of the spec."""
        return tuple(column.name for column in self.columns)


_GIVEN = Rule("{value} is null", "is empty; a value is needed", enforced=True)
# A longer one does not fit into the index of its key.
_SHORT = Rule("octet_length({value}) > 255", "is too long; at most 255 bytes are allowed")
_CURRENCY = Rule(
    "{value} !~ '^[A-Z][A-Z][A-Z]$'", "is no currency; an ISO 4217 code such as USD is needed", enforced=True
)

_NO_INSTANT = (
    "is no ISO 8601 time with its offset from UTC;"
    " one such as 2018-03-31T23:59:59Z or 2018-03-31T23:59:59+03:00 is needed"
)
_INSTANT = (
    Rule(
        "{value} not like '____-__-_____:__%' or {value} !~ '^[0-9-]+[T ][0-9:.]+(?:Z|[+-][0-9:]+)$'",
        _NO_INSTANT,
    ),
    Rule("not pg_input_is_valid({value}, 'timestamptz')", _NO_INSTANT, enforced=True),
)
_ERA = Rule(
    """{value} collate "C" < '1800' or {value} collate "C" >= '9000'""",
    "is out of range; a time between the years 1800 and 8999 is needed",
)
_NO_DATE = "is no date; one such as 2018-03-31 is needed"
_DATE = (
    Rule("{value} not like '____-__-__' or {value} !~ '^[0-9-]+$'", _NO_DATE),
    Rule("not pg_input_is_valid({value}, 'date')", _NO_DATE, enforced=True),
)
_NO_AMOUNT = (
    "is no amount; a number such as -12.50 is needed, without exponent, at most 14 digits before the point"
)
_AMOUNT = (
    Rule("{value} !~ '^[+-]?[0-9]+(?:[.][0-9]+)?$'", _NO_AMOUNT),
    Rule("not pg_input_is_valid({value}, 'numeric(20, 6)')", _NO_AMOUNT, enforced=True),
    Rule("{value} like '%._______%'", "has more than 6 decimals; at most 6 are allowed"),
)
_RATE = (
    Rule(
        "not ({value} ~ '^[0-9]+(?:[.][0-9]+)?$' and pg_input_is_valid({value}, 'numeric(38, 18)'))"
        " or {value} !~ '[1-9]'",
        "is no rate; a number above 0 such as 1.22 is needed, without exponent, at most 20 digits before the point",
    ),
    Rule("scale({value}::numeric) > 18", "has more than 18 decimals; at most 18 are allowed"),
    Rule(
        "staged.currency = {base_currency} and {value}::numeric <> 1",
        "is the rate of the base currency, which is worth 1 in itself; set DYNAMICS_BASE_CURRENCY if it is another",
    ),
)
_CLIENT_TYPES = (
    Rule(
        "{value} not in ('client', 'reseller', 'calling_card', 'call_shop')",
        "is no client type; client, reseller, calling_card or call_shop is needed",
        enforced=True,
    ),
    Rule(
        "{value} <> 'reseller' and exists (select from billing.clients owned where owned.owner_id = staged.client_id"
        " and not exists (select from dynamics.staged_clients again where again.client_id = owned.client_id))",
        "is the type of an owner of clients; it must stay reseller while it owns any",
    ),
)
_OWNER = (
    Rule(
        "{value} = staged.client_id",
        "is the client itself; a reseller other than itself is needed, or nothing",
    ),
    Rule(
        "{value} is not null and {value} not in ("
        "select client_id from dynamics.staged_clients where client_type = 'reseller' and client_id is not null"
        " union all select client_id from billing.clients known where client_type = 'reseller'"
        " and not exists (select from dynamics.staged_clients again where again.client_id = known.client_id))",
        "is no reseller, neither here nor in the database; a reseller's client_id is needed, or nothing",
    ),
)
_KIND = Rule(
    "{value} not in ('refill', 'usage', 'package_activation', 'package_renewal', 'transfer', 'adjustment')",
    "is no kind; refill, usage, package_activation, package_renewal, transfer or adjustment is needed",
    enforced=True,
)
_CLIENT = Rule(
    "not exists (select from billing.clients known where known.client_id = {value})",
    "is no client, neither in clients.csv nor in the database; a known client_id is needed",
    enforced=True,
)
_PACKAGE = Rule(
    "{value} is not null and not exists (select from billing.packages known where known.package_id = {value})",
    "is no package, neither in packages.csv nor in the database; a known package_id is needed, or nothing",
    enforced=True,
)


def _text(name: LiteralString, *rules: Rule) -> Column:
    return Column(name, "text", rules)


def _instant(name: LiteralString, *rules: Rule) -> Column:
    return Column(name, "timestamptz", (*rules, *_INSTANT, _ERA))


TABLES = (
    Table(
        "clients",
        ("client_id",),
        (
            _text("client_id", _GIVEN, _SHORT),
            _text("name", _GIVEN),
            _text("client_type", _GIVEN, *_CLIENT_TYPES),
            _text("owner_id", *_OWNER),
            _text("currency", _GIVEN, _CURRENCY),
            _instant("created_at", _GIVEN),
            _instant("updated_at", _GIVEN),
        ),
    ),
    Table(
        "client_tags",
        ("client_id", "tag"),
        (_text("client_id", _GIVEN, _CLIENT), _text("tag", _GIVEN, _SHORT)),
    ),
    Table(
        "packages",
        ("package_id",),
        (_text("package_id", _GIVEN, _SHORT), _text("name", _GIVEN)),
    ),
    Table(
        "transactions",
        ("transaction_id",),
        (
            _text("transaction_id", _GIVEN, _SHORT),
            _text("client_id", _GIVEN, _CLIENT),
            _instant("occurred_at", _GIVEN),
            _text("kind", _GIVEN, _KIND),
            Column("amount", "numeric(20, 6)", (_GIVEN, *_AMOUNT)),
            _text("package_id", _PACKAGE),
            _instant("updated_at", _GIVEN),
            _instant("voided_at"),
        ),
    ),
    Table(
        "exchange_rates",
        ("currency", "valid_from"),
        (
            _text("currency", _GIVEN, _CURRENCY),
            Column("valid_from", "date", (_GIVEN, *_DATE)),
            Column("rate", "numeric(38, 18)", (_GIVEN, *_RATE)),
        ),
    ),
)
"""The five tables, each after those that it refers to."""
