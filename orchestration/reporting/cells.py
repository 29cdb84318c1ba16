"""From the sums of the report store to the cells of the table: the rows of the report, N/A included."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orchestration.reporting.exact import (
    Numbers,
    QuotientSums,
    in_common_units,
    narrowed,
    products,
    rounded_quotients,
    summable,
    whole_numbers,
)
from orchestration.reporting.table import METRICS, Row, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from orchestration.reporting.exchange_rates import ExchangeRates

KINDS = ("refill", "usage", "package_activation", "package_renewal")
"""The kinds of transactions that the report shows, in the order of its rows."""

_STATUSES = ((2, 3), (1, 2), (0, 1, 2))
"""Which rows of `sql/cohort_changes.sql` count in Active, Overall Active and All."""
_COHORTS = {"overall_active": 1, "all": 2}
"""The place of each cohort of the daily marts among the three."""

_MILLIONTHS_A_CENT = 10_000
_EPOCH = date(1970, 1, 1)


class Cohorts(NamedTuple):
    """The three cohorts of some groups at each period's end: Active, Overall Active, All.

    `counts` has the axes cohort, measure (created clients, clients, those with a positive, those with a
    negative balance), group, currency, period; `balances` has positive and negative ones as measures,
    in millionths.
    """

    currencies: list[str]
    counts: Numbers
    balances: Numbers


def cohorts_from_changes(changes: pa.Table, numbers: Sequence[int], periods: int) -> Cohorts:
    """Return the cohorts of some groups as running sums of what enters and leaves them at each period."""
    currencies, currency = _codes(changes["currency"])
    group, groups = _places_of_groups(changes, numbers), len(numbers)
    chosen = group >= 0
    place = np.ravel_multi_index(
        (group[chosen], currency[chosen], _integers(changes, "period")[chosen] - 1),
        (groups, max(1, len(currencies)), periods),
    )
    sign, status, side = (_integers(changes, name)[chosen] for name in ("sign", "status", "side"))
    clients, created = (sign * _integers(changes, name)[chosen] for name in ("clients", "created_clients"))
    balance = summable(whole_numbers(changes["balance"])[chosen]) * sign
    shape = (groups, len(currencies), periods)
    counts = np.zeros((3, 4, *shape), np.int64)
    balances = np.zeros((3, 2, *shape), balance.dtype)
    everyone = np.ones(len(side), bool)
    for cohort, statuses in enumerate(_STATUSES):
        in_cohort = np.isin(status, statuses)
        for measure, (values, condition) in enumerate(
            ((created, everyone), (clients, everyone), (clients, side > 0), (clients, side < 0))
        ):
            rows = in_cohort & condition
            np.add.at(counts[cohort, measure].reshape(-1), place[rows], values[rows])
        for measure, condition in enumerate((side > 0, side < 0)):
            rows = in_cohort & condition
            np.add.at(balances[cohort, measure].reshape(-1), place[rows], balance[rows])
    return Cohorts(currencies, counts.cumsum(axis=-1), balances.cumsum(axis=-1))


def cohorts_from_days(sums: pa.Table, lapses: Cohorts, periods: int) -> Cohorts:
    """Return the cohorts of all clients of a type from the daily marts and the lapses among them.

    Active clients are those that ever paid, less those that lapsed.
    """
    names, currency = _codes(sums["currency"])
    currencies = [*names, *(name for name in lapses.currencies if name not in names)]
    period = _integers(sums, "period") - 1
    cohort = np.array([_COHORTS[name] for name in sums["cohort"].to_pylist()], np.int64)
    shape = (1, len(currencies), periods)
    counts = np.zeros((3, 4, *shape), np.int64)
    measures = ("created_clients", "clients", "positive_clients", "negative_clients")
    for measure, name in enumerate(measures):
        counts[cohort, measure, 0, currency, period] = _integers(sums, name)
    positive, negative = (whole_numbers(sums[f"{side}_balance"]) for side in ("positive", "negative"))
    dtype = object if object in (positive.dtype, negative.dtype, lapses.balances.dtype) else np.int64
    balances = np.zeros((3, 2, *shape), dtype)
    balances[cohort, 0, 0, currency, period] = positive
    balances[cohort, 1, 0, currency, period] = negative
    # A period without a row has the sums of the last period before it that has one.
    known = np.full((3, len(currencies), periods), -1)
    known[cohort, currency, period] = period
    latest = np.maximum.accumulate(known, axis=-1)
    for measured in (counts, balances):
        measured[:, :, 0] = np.take_along_axis(measured[:, :, 0], latest[:, np.newaxis].clip(0), axis=-1)
    counts[0], balances[0] = counts[1], balances[1]
    for place, name in enumerate(lapses.currencies):
        at = currencies.index(name)
        counts[0, :, :, at] -= (lapses.counts[1] - lapses.counts[0])[:, :, place]
        balances[0, :, :, at] -= (lapses.balances[1] - lapses.balances[0])[:, :, place]
    return Cohorts(currencies, counts, balances)


class _Money(NamedTuple):
    """Amounts in cents, and where there is none."""

    cents: Numbers
    is_nothing: Numbers


def cells_of_groups(
    cohorts: Cohorts,
    flows: pa.Table,
    numbers: Sequence[int],
    closing_dates: Sequence[date],
    periods: int,
    rates: ExchangeRates,
) -> list[tuple[Row, ...]]:
    """Return the rows of the groups with these numbers, a cell a period; N/A in periods that are not known."""
    groups, known = cohorts.counts.shape[2], len(closing_dates)
    quantities = cohorts.counts[:, 0].sum(axis=2)
    balances = _converted_balances(cohorts, closing_dates, rates)
    flow_quantities, totals, averages = _flows(flows, numbers, known, quantities[0], rates)
    found: list[tuple[Row, ...]] = []
    for group in range(groups):
        columns: list[Numbers | _Money] = []
        for cohort in range(3):
            columns.append(quantities[cohort, group])
            columns += [
                _Money(money.cents[cohort, group], money.is_nothing[cohort, group]) for money in balances
            ]
        refill, usage, activation, renewal = (
            _Money(totals[kind, group], flow_quantities[kind, group] == 0) for kind in range(4)
        )
        columns += [flow_quantities[0, group], refill, _row(averages[0], group)]
        columns += [usage, _row(averages[1], group)]
        columns += [flow_quantities[2, group], activation, flow_quantities[3, group], renewal]
        found.append(
            tuple(
                Row.of_numbers(*_padded(column, periods), is_money=metric.unit is Unit.MONEY)
                for metric, column in zip(METRICS, columns, strict=True)
            )
        )
    return found


def _row(money: _Money, group: int) -> _Money:
    return _Money(money.cents[group], money.is_nothing[group])


def _padded(column: Numbers | _Money, periods: int) -> tuple[Numbers, Numbers]:
    """Return numbers and where there is none, with N/A for the periods that are not known."""
    numbers, is_nothing = column if isinstance(column, _Money) else (column, np.zeros(len(column), bool))
    more = periods - len(numbers)
    if not more:
        return numbers, is_nothing
    return np.append(numbers, np.zeros(more, numbers.dtype)), np.append(is_nothing, np.ones(more, bool))


def _converted_balances(
    cohorts: Cohorts, closing_dates: Sequence[date], rates: ExchangeRates
) -> list[_Money]:
    """Return Balance Pos, Balance Neg and Balance by cohort, group and period.

    They are converted at the rate of each period's closing date (definition: Currency).
    """
    days = np.array([(day - _EPOCH).days for day in closing_dates], np.int64)
    # Whoever has a balance, zero or not, needs a rate.
    needed = cohorts.counts[2, 1].any(axis=0)
    needs_rate = needed[[name != rates.report_currency for name in cohorts.currencies]].any(axis=0)
    divided = np.full(len(days), 1, object)
    divided[needs_rate] = rates.denominators(days[needs_rate])
    factors = np.zeros((len(cohorts.currencies), len(days)), object)
    for place, name in enumerate(cohorts.currencies):
        if name == rates.report_currency:
            factors[place] = divided
        else:
            factors[place, needed[place]] = rates.numerators(name, days[needed[place]])
    own, unit = in_common_units(cohorts.balances, _MILLIONTHS_A_CENT)
    sums = products(own, narrowed(factors)).sum(axis=3)
    counts = cohorts.counts.sum(axis=3)
    by_measure = (sums[:, 0], sums[:, 1], sums[:, 0] + sums[:, 1])
    holders = (counts[:, 2], counts[:, 3], counts[:, 1])
    scale = narrowed(divided * (_MILLIONTHS_A_CENT // unit))
    return [
        _Money(rounded_quotients(total, scale), holding == 0)
        for total, holding in zip(by_measure, holders, strict=True)
    ]


def _flows(
    flows: pa.Table, numbers: Sequence[int], known: int, active: Numbers, rates: ExchangeRates
) -> tuple[Numbers, Numbers, tuple[_Money, _Money]]:
    """Return quantities and totals by kind, group and period, and the averages of refills and usage."""
    group, groups = _places_of_groups(flows, numbers), len(numbers)
    names, kind = _codes(flows["kind"])
    kind = np.array([KINDS.index(name) if name in KINDS else -1 for name in names], np.int64)[kind]
    chosen = (group >= 0) & (kind >= 0)
    group, kind = group[chosen], kind[chosen]
    period = _integers(flows, "period")[chosen] - 1
    quantities = np.zeros((len(KINDS), groups, known), np.int64)
    np.add.at(quantities, (kind, group, period), _integers(flows, "quantity")[chosen])
    day = _integers(flows, "utc_day")[chosen]
    amount, unit = in_common_units(whole_numbers(flows["amount"])[chosen], _MILLIONTHS_A_CENT)
    currencies, currency = _codes(flows["currency"])
    # Period and day both grow with time. Their sum is therefore unique to each pair of them.
    first_day = int(day.min()) if len(day) else 0
    pair = period + day - first_day
    period_of_pair, day_of_pair = np.zeros((2, int(pair.max()) + 1 if len(pair) else 0), np.int64)
    period_of_pair[pair], day_of_pair[pair] = period, day
    factors, denominators = _factors(pair, day_of_pair, currencies, currency[chosen], rates)
    numerators = products(amount, factors)
    sums = np.zeros((len(KINDS), groups, len(day_of_pair)), numerators.dtype)
    np.add.at(sums, (kind, group, pair), numerators)
    quotients = QuotientSums(
        sums.reshape(len(KINDS) * groups, len(day_of_pair)), denominators, period_of_pair, known
    )
    cent = _MILLIONTHS_A_CENT // unit
    totals = quotients.rounded(slice(None), cent).reshape(quantities.shape)
    averages = []
    for number, over in ((0, quantities[0]), (1, active)):
        has_any = (quantities[number] > 0) & (over > 0)
        divisors = np.where(over > 0, over, 1) * cent
        cents = quotients.rounded(slice(number * groups, (number + 1) * groups), divisors)
        averages.append(_Money(cents, ~has_any))
    return quantities, totals, (averages[0], averages[1])


def _factors(
    pair: Numbers, day_of_pair: Numbers, currencies: list[str], currency: Numbers, rates: ExchangeRates
) -> tuple[Numbers, Numbers]:
    """Return the factor of each amount and the denominator of each pair of a period and a UTC day.

    An amount is converted at the rate of its transaction's UTC date (definition: Currency).
    """
    foreign = np.array([name != rates.report_currency for name in currencies], bool)
    needs_rate = np.zeros(len(day_of_pair), bool)
    needs_rate[pair[foreign[currency]]] = True
    denominators = np.full(len(day_of_pair), 1, object)
    if not needs_rate.any():
        return np.ones(len(pair), np.int64), denominators
    denominators[:] = rates.one
    denominators[needs_rate] = rates.denominators(day_of_pair[needs_rate])
    factors = denominators[pair]
    for place in np.flatnonzero(foreign):
        rows = currency == place
        factors[rows] = rates.numerators(currencies[place], day_of_pair[pair[rows]])
    return narrowed(factors), denominators


def _codes(column: pa.ChunkedArray) -> tuple[list[str], Numbers]:
    """Return the distinct texts of a column, and for each row the place of its text among them."""
    encoded = column.combine_chunks()
    if not hasattr(encoded, "indices"):
        encoded = encoded.dictionary_encode()
    numbers: Numbers = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    texts = encoded.dictionary.to_pylist()
    used = np.flatnonzero(np.bincount(numbers, minlength=len(texts)))
    places = np.zeros(len(texts), np.int64)
    places[used] = np.arange(len(used))
    return [texts[number] for number in used], places[numbers]


def _places_of_groups(table: pa.Table, numbers: Sequence[int]) -> Numbers:
    """Return the place of each row's group among the groups with these numbers; -1 for other groups."""
    group = _integers(table, "group_number")
    places = np.full(max(numbers[-1], int(group.max(initial=0))) + 1, -1)
    places[np.array(numbers)] = np.arange(len(numbers))
    found: Numbers = places[group]
    return found


def _integers(table: pa.Table, name: str) -> Numbers:
    numbers: Numbers = table[name].to_numpy().astype(np.int64)
    return numbers
