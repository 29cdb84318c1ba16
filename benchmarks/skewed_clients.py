"""The small tables of the skewed data: clients, their tags, packages and exchange rates."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.skewed_numbers import RandomIntegers, zipf

if TYPE_CHECKING:
    import numpy.typing as npt

    from benchmarks.skewed_numbers import Ints

START = datetime(2021, 11, 1, tzinfo=UTC)
"""The first client is created then; back-dated transactions lie a few days before."""
AS_OF = datetime(2026, 10, 23, 17, 41, 9, 500_000, tzinfo=UTC)
"""The end of the known data, in the sixtieth month."""
SECOND = 1_000_000
DAY = 86_400 * SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

CLIENT_TYPES = ("client", "reseller", "calling_card", "call_shop")
CURRENCIES = ("USD", "EUR", "GBP", "PLN", "UAH", "INR", "AUD", "NPR", "JPY")
"""The base currency, and eight that have rates."""
_CURRENCY_WEIGHTS = (30, 25, 10, 9, 8, 7, 5, 4, 2)
UNITS = (1, 1, 1, 4, 40, 80, 2, 130, 150)
"""The rough value of a dollar in each currency; amounts have this size."""
_FIRST_RATES = (
    1_0000_0000,
    1_1000_0000,
    1_2700_0000,
    2530_0000,
    265_4321,
    119_8765,
    6600_0000,
    75_1234,
    67_8901,
)
"""In units of 0.00000001 of the base currency."""
_RATE_STEPS = (1, 1, 10, 100, 1, 1, 100, 1, 1)
"""Rates are multiples of this: the decimals are six to eight."""
_RATES_FROM = START.date() - timedelta(days=40)
_RATES_TO = AS_OF.date() + timedelta(days=20)
PACKAGES = 120
_COLOURS = ("Amber", "Blue", "Coral", "Dune", "Ebony", "Frost", "Green", "Honey")


@dataclass(frozen=True, slots=True)
class Clients:
    """The clients by number, resellers first. Instants are microseconds since 1970."""

    types: Ints
    owners: Ints
    """The number of the owner; -1 is none."""
    currencies: Ints
    created: Ints
    closed: Ints
    """-1 is open."""
    tags: npt.NDArray[np.bool_]
    """A row a client, a column a tag."""
    weights: Ints
    """How active a client is."""


@dataclass(frozen=True, slots=True)
class Rates:
    """A row is a rate from its date; `rates` are in units of 0.00000001."""

    currencies: Ints
    days: Ints
    """Days since 1970."""
    rates: Ints


def microseconds(instant: datetime) -> int:
    """Return the microseconds since 1970 of an aware instant."""
    return (instant - _EPOCH) // timedelta(microseconds=1)


def reseller_count(transactions: int) -> int:
    """Return the number of resellers: 2,500 with 10 million transactions."""
    return max(transactions // 4000, 6)


def client_count(transactions: int) -> int:
    """Return the number of clients, including resellers."""
    return max(transactions // 100, 60)


def tag_count(transactions: int) -> int:
    """Return the number of tags: 40 with 10 million transactions, fewer with less."""
    share: float = (transactions / 10_000_000) ** 0.25
    return min(40, max(6, round(40 * share)))


def make_clients(transactions: int, rng: RandomIntegers) -> Clients:
    """Make the clients: owners and tags follow Zipf's law, activity is lognormal."""
    count, resellers, tags = client_count(transactions), reseller_count(transactions), tag_count(transactions)
    types = np.where(np.arange(count) < resellers, 1, np.array([0, 2, 3])[rng.pick((72, 16, 12), count)])
    owners = rng.pick(zipf(resellers, 0.9), count)
    is_owned = np.where(types == 1, rng.chance(5, count), ~rng.chance(5, count))
    owners = np.where(is_owned & (owners != np.arange(count)), owners, -1)
    start, end = microseconds(START), microseconds(AS_OF)
    span = (end - start) // SECOND
    # Half of the clients come within the first third of the time.
    first, later = rng.below(span // 3, count), rng.below(span, count)
    created = start + np.where(rng.chance(2, count), first, later) * SECOND + rng.below(SECOND, count)
    created = np.where(rng.chance(200, count), created // DAY * DAY, created)
    left = (end - created) // SECOND
    closed = created + (left // 4 + rng.below(np.maximum(left, 1), count)) * SECOND + rng.below(SECOND, count)
    is_closed = rng.chance(15, count) & (closed < end)
    shares = [min(500, 700 // (rank + 1)) for rank in range(tags)]
    has_tag = np.stack([rng.below(1000, count) < share for share in shares], axis=1)
    return Clients(
        types=types,
        owners=owners,
        currencies=rng.pick(_CURRENCY_WEIGHTS, count),
        created=created,
        closed=np.where(is_closed, closed, -1),
        tags=has_tag,
        weights=rng.lognormal(1.6, count) * (left // 86_400 + 1) // 30,
    )


def make_rates(rng: RandomIntegers) -> Rates:
    """Make rates that change on about every third day of each currency."""
    dates = [_RATES_FROM + timedelta(days=n) for n in range((_RATES_TO - _RATES_FROM).days)]
    days = np.array([(day - date(1970, 1, 1)).days for day in dates])
    rows: list[tuple[Ints, Ints, Ints]] = []
    for currency in range(1, len(CURRENCIES)):
        changes = rng.chance(3, len(days))
        changes[0] = True
        chosen = days[changes]
        rate, step, values = _FIRST_RATES[currency], _RATE_STEPS[currency], []
        for move in rng.below(2001, len(chosen)):
            rate += rate * (int(move) - 1000) // 200_000
            values.append(max(rate // step * step, step))
        rows.append((np.full(len(chosen), currency), chosen, np.array(values)))
    return Rates(*(np.concatenate(column) for column in zip(*rows, strict=True)))


def client_id(number: int) -> str:
    """Return the id of the client with that number."""
    return f"C{number:07d}"


def package_id(number: int) -> str:
    """Return the id of the package with that number."""
    return f"P{number:03d}"


def package_name(number: int) -> str:
    """Return a name; the order of the names is not the order of the ids."""
    return f"{_COLOURS[number * 5 % len(_COLOURS)]} {number * 37 % 1000}"


def tag_name(number: int) -> str:
    """Return the name of the tag with that number."""
    return f"tag {number:02d}"
