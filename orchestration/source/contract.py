"""The contract of an extract: its tables, their columns, and the rules for each value.

The rules of a table run in order, and the first violation is reported. A rule can therefore rely on
the rules before it: no rule casts a value that an earlier rule has not validated.

Rules that `billing` does not enforce run for every row of an extract, so they must be fast. The
rules for times and amounts check characters, shape and range one after the other, because one
regular expression with counted repetitions would be slower.
"""

from dataclasses import dataclass
from typing import LiteralString

from orchestration.domain import ClientType, TransactionKind


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule for the values of a column."""

    violation: LiteralString
    """SQL that is true when the value breaks the rule.

    The row is called `staged`, and all its columns are text. Placeholders are `{value}` (the value
    of the column), `{base_currency}`, `{client_types}` and `{transaction_kinds}`.
    """
    message: str
    """What is wrong with the value, and what is allowed."""
    is_enforced: bool = False
    """True if `billing` rejects such a value too, by a type, a constraint or a reference."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name, its type in `billing`, and its rules."""

    name: LiteralString
    type: LiteralString
    rules: tuple[Rule, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the extract and of `billing`. `key` is unique."""

    name: LiteralString
    key: tuple[LiteralString, ...]
    columns: tuple[Column, ...]

    @property
    def column_names(self) -> tuple[LiteralString, ...]:
        """The names of the columns, in the order of the contract."""
        return tuple(column.name for column in self.columns)


def _list_choices(choices: type[ClientType] | type[TransactionKind]) -> str:
    *others, last = choices
    return f"{', '.join(others)} or {last}"


_REQUIRED = Rule("{value} is null", "is empty. Enter a value", is_enforced=True)
# The index of a key cannot hold longer values.
_MAX_LENGTH = Rule("octet_length({value}) > 255", "is too long. Use at most 255 bytes")
_CURRENCY = Rule(
    "{value} !~ '^[A-Z][A-Z][A-Z]$'",
    "is not a valid currency. Use an ISO 4217 code such as EUR",
    is_enforced=True,
)

_TIME_MESSAGE = (
    "is not a valid time. Use ISO 8601 with an offset from UTC,"
    " such as 2018-03-31T23:59:59Z or 2018-03-31T23:59:59+03:00"
)
_TIME = (
    Rule(
        "{value} not like '____-__-_____:__%' or {value} !~ '^[0-9-]+[T ][0-9:.]+(?:Z|[+-][0-9:]+)$'",
        _TIME_MESSAGE,
    ),
    Rule("not pg_input_is_valid({value}, 'timestamptz')", _TIME_MESSAGE, is_enforced=True),
)
_YEAR_RANGE = Rule(
    """{value} collate "C" < '1800' or {value} collate "C" >= '9000'""",
    "is out of range. Use a time between the years 1800 and 8999",
)
_DATE_MESSAGE = "is not a valid date. Use a date such as 2018-03-31"
_DATE = (
    Rule("{value} not like '____-__-__' or {value} !~ '^[0-9-]+$'", _DATE_MESSAGE),
    Rule("not pg_input_is_valid({value}, 'date')", _DATE_MESSAGE, is_enforced=True),
)
_AMOUNT_MESSAGE = (
    "is not a valid amount. Use a number such as -12.50,"
    " without an exponent and with at most 14 digits before the point"
)
_AMOUNT = (
    Rule("{value} !~ '^[+-]?[0-9]+(?:[.][0-9]+)?$'", _AMOUNT_MESSAGE),
    Rule("not pg_input_is_valid({value}, 'numeric(20, 6)')", _AMOUNT_MESSAGE, is_enforced=True),
    Rule("{value} like '%._______%'", "has more than 6 decimals. Use at most 6"),
)
_RATE = (
    Rule(
        "not ({value} ~ '^[0-9]+(?:[.][0-9]+)?$' and pg_input_is_valid({value}, 'numeric(38, 18)'))"
        " or {value} !~ '[1-9]'",
        "is not a valid rate. Use a number above 0 such as 1.22,"
        " without an exponent and with at most 20 digits before the point",
    ),
    Rule("scale({value}::numeric) > 18", "has more than 18 decimals. Use at most 18"),
    Rule(
        "staged.currency = {base_currency} and {value}::numeric <> 1",
        "is a rate of the base currency, which must be 1."
        " Set DYNAMICS_BASE_CURRENCY if the base currency is another one",
    ),
)
_CLIENT_TYPES = (
    Rule(
        "{value} not in ({client_types})",
        f"is not a client type. Use {_list_choices(ClientType)}",
        is_enforced=True,
    ),
    Rule(
        "{value} <> 'reseller' and exists (select from billing.clients owned where owned.owner_id = staged.client_id"
        " and not exists (select from dynamics.staged_clients again where again.client_id = owned.client_id))",
        "is the type of a client that owns other clients. Its type must stay reseller",
    ),
)
_OWNER = (
    Rule(
        "{value} = staged.client_id",
        "is the client itself. Use another client_id of type reseller, or leave it empty",
    ),
    Rule(
        "{value} is not null and {value} not in ("
        "select client_id from dynamics.staged_clients where client_type = 'reseller' and client_id is not null"
        " union all select client_id from billing.clients stored where client_type = 'reseller'"
        " and not exists (select from dynamics.staged_clients again where again.client_id = stored.client_id))",
        "is not a reseller, in this file or in the database."
        " Use the client_id of a reseller, or leave it empty",
    ),
)
_KIND = Rule(
    "{value} not in ({transaction_kinds})",
    f"is not a transaction kind. Use {_list_choices(TransactionKind)}",
    is_enforced=True,
)
_CLIENT = Rule(
    "not exists (select from billing.clients stored where stored.client_id = {value})",
    "is not a client, in clients.csv or in the database. Use an existing client_id",
    is_enforced=True,
)
_PACKAGE = Rule(
    "{value} is not null and not exists (select from billing.packages stored where stored.package_id = {value})",
    "is not a package, in packages.csv or in the database. Use an existing package_id, or leave it empty",
    is_enforced=True,
)


def _text(name: LiteralString, *rules: Rule) -> Column:
    return Column(name, "text", rules)


def _time(name: LiteralString, *rules: Rule) -> Column:
    return Column(name, "timestamptz", (*rules, *_TIME, _YEAR_RANGE))


TABLES = (
    Table(
        "clients",
        ("client_id",),
        (
            _text("client_id", _REQUIRED, _MAX_LENGTH),
            _text("name", _REQUIRED),
            _text("client_type", _REQUIRED, *_CLIENT_TYPES),
            _text("owner_id", *_OWNER),
            _text("currency", _REQUIRED, _CURRENCY),
            _time("created_at", _REQUIRED),
            _time("updated_at", _REQUIRED),
        ),
    ),
    Table(
        "client_tags",
        ("client_id", "tag"),
        (_text("client_id", _REQUIRED, _CLIENT), _text("tag", _REQUIRED, _MAX_LENGTH)),
    ),
    Table(
        "packages",
        ("package_id",),
        (_text("package_id", _REQUIRED, _MAX_LENGTH), _text("name", _REQUIRED)),
    ),
    Table(
        "transactions",
        ("transaction_id",),
        (
            _text("transaction_id", _REQUIRED, _MAX_LENGTH),
            _text("client_id", _REQUIRED, _CLIENT),
            _time("occurred_at", _REQUIRED),
            _text("kind", _REQUIRED, _KIND),
            Column("amount", "numeric(20, 6)", (_REQUIRED, *_AMOUNT)),
            _text("package_id", _PACKAGE),
            _time("updated_at", _REQUIRED),
            _time("voided_at"),
        ),
    ),
    Table(
        "exchange_rates",
        ("currency", "valid_from"),
        (
            _text("currency", _REQUIRED, _CURRENCY),
            Column("valid_from", "date", (_REQUIRED, *_DATE)),
            Column("rate", "numeric(38, 18)", (_REQUIRED, *_RATE)),
        ),
    ),
)
"""The five tables. Each one comes after the tables that it refers to."""
