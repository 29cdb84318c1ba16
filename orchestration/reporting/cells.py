"""Computation of the cells: from the sums of the report store to the rows of the table.

Arrays have the axes that their names or docstrings list. The cohorts are always in the order of the
table: Active, Overall Active, All.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from orchestration.domain import Cohort, TransactionKind
from orchestration.reporting.exact_arithmetic import (
    Numbers,
    QuotientSums,
    divide_rounded,
    make_summable,
    multiply,
    narrow,
    reduce_units,
    to_whole_numbers,
)
from orchestration.reporting.table import METRICS, CellRow, Unit

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pyarrow as pa

    from orchestration.reporting.exchange_rates import ExchangeRates

SHOWN_KINDS = (
    TransactionKind.REFILL,
    TransactionKind.USAGE,
    TransactionKind.PACKAGE_ACTIVATION,
    TransactionKind.PACKAGE_RENEWAL,
)
"""The kinds of transactions that the report shows, in the order of its rows."""
_REFILL, _USAGE, _ACTIVATION, _RENEWAL = range(len(SHOWN_KINDS))

_COHORTS = (Cohort.ACTIVE, Cohort.OVERALL_ACTIVE, Cohort.ALL)
_ACTIVE, _OVERALL_ACTIVE, _ALL = range(len(_COHORTS))
_COHORT_SETS = ((2, 3), (1, 2), (0, 1, 2))
"""The values of `cohort_set` in `sql/cohort_changes.sql` that contain each cohort."""

_MEASURES = ("created_clients", "clients", "positive_clients", "negative_clients")
_CREATED, _CLIENTS, _POSITIVE, _NEGATIVE = range(len(_MEASURES))

_MILLIONTHS_PER_CENT = 10_000
_EPOCH = date(1970, 1, 1)


class Cohorts(NamedTuple):
    """The three cohorts of some groups at each period's end.

    `counts` has the axes cohort, measure (`_MEASURES`), group, currency, period. `balances` has the
    same axes, with the sums of positive and of negative balances as measures, in millionths.
    """

    currencies: list[str]
    counts: Numbers
    balances: Numbers


def sum_cohort_changes(changes: pa.Table, group_numbers: Sequence[int], periods: int) -> Cohorts:
    """Return the cohorts of some groups as running sums of the changes at each period."""
    currencies, currency = _encode(changes["currency"])
    group, groups = _group_indexes(changes, group_numbers), len(group_numbers)
    selected = group >= 0
    position = np.ravel_multi_index(
        (group[selected], currency[selected], _integers(changes, "period")[selected] - 1),
        (groups, max(1, len(currencies)), periods),
    )
    sign, cohort_set, balance_sign = (
        _integers(changes, name)[selected] for name in ("sign", "cohort_set", "balance_sign")
    )
    clients, created = (sign * _integers(changes, name)[selected] for name in ("clients", "created_clients"))
    balance = make_summable(to_whole_numbers(changes["balance"])[selected]) * sign
    shape = (groups, len(currencies), periods)
    counts = np.zeros((len(_COHORTS), len(_MEASURES), *shape), np.int64)
    balances = np.zeros((len(_COHORTS), 2, *shape), balance.dtype)
    is_any = np.ones(len(balance_sign), bool)
    for cohort, cohort_sets in enumerate(_COHORT_SETS):
        is_in_cohort = np.isin(cohort_set, cohort_sets)
        for measure, (values, condition) in enumerate(
            ((created, is_any), (clients, is_any), (clients, balance_sign > 0), (clients, balance_sign < 0))
        ):
            rows = is_in_cohort & condition
            np.add.at(counts[cohort, measure].reshape(-1), position[rows], values[rows])
        for measure, condition in enumerate((balance_sign > 0, balance_sign < 0)):
            rows = is_in_cohort & condition
            np.add.at(balances[cohort, measure].reshape(-1), position[rows], balance[rows])
    return Cohorts(currencies, counts.cumsum(axis=-1), balances.cumsum(axis=-1))


def sum_daily_cohorts(closing_cohorts: pa.Table, lapses: Cohorts, periods: int) -> Cohorts:
    """Return the cohorts of all clients of a type.

    `closing_cohorts` has All and Overall Active (`sql/closing_cohorts.sql`). `lapses` has the
    clients that can lapse. Active = Overall Active - (Overall Active of `lapses` - Active of
    `lapses`).
    """
    names, currency = _encode(closing_cohorts["currency"])
    currencies = [*names, *(name for name in lapses.currencies if name not in names)]
    period = _integers(closing_cohorts, "period") - 1
    cohort = np.array([_COHORTS.index(name) for name in closing_cohorts["cohort"].to_pylist()], np.int64)
    shape = (1, len(currencies), periods)
    counts = np.zeros((len(_COHORTS), len(_MEASURES), *shape), np.int64)
    for measure, name in enumerate(_MEASURES):
        counts[cohort, measure, 0, currency, period] = _integers(closing_cohorts, name)
    positive, negative = (
        to_whole_numbers(closing_cohorts[f"{side}_balance"]) for side in ("positive", "negative")
    )
    dtype = object if object in (positive.dtype, negative.dtype, lapses.balances.dtype) else np.int64
    balances = np.zeros((len(_COHORTS), 2, *shape), dtype)
    balances[cohort, 0, 0, currency, period] = positive
    balances[cohort, 1, 0, currency, period] = negative
    # A period without a row takes the values of the last period before it that has one.
    period_with_row = np.full((len(_COHORTS), len(currencies), periods), -1)
    period_with_row[cohort, currency, period] = period
    latest = np.maximum.accumulate(period_with_row, axis=-1)
    for values in (counts, balances):
        values[:, :, 0] = np.take_along_axis(values[:, :, 0], latest[:, np.newaxis].clip(0), axis=-1)
    counts[_ACTIVE], balances[_ACTIVE] = counts[_OVERALL_ACTIVE], balances[_OVERALL_ACTIVE]
    for index, name in enumerate(lapses.currencies):
        at = currencies.index(name)
        for values, lapsed in ((counts, lapses.counts), (balances, lapses.balances)):
            values[_ACTIVE, :, :, at] -= (lapsed[_OVERALL_ACTIVE] - lapsed[_ACTIVE])[:, :, index]
    return Cohorts(currencies, counts, balances)


class _Money(NamedTuple):
    """Amounts in cents, and a mask of the amounts that are N/A."""

    cents: Numbers
    is_na: Numbers

    def of(self, *index: int) -> _Money:
        """Return the amounts at an index of the leading axes."""
        return _Money(self.cents[index], self.is_na[index])


class _Flows(NamedTuple):
    """The rows of refills, usage and packages. The axes are kind (`SHOWN_KINDS`), group, period."""

    quantities: Numbers
    totals: _Money
    average_refill: _Money
    """Total divided by the number of refills. The axes are group and period."""
    average_usage: _Money
    """Total divided by the quantity of Clients - Active. The axes are group and period."""


def compute_cells(
    cohorts: Cohorts,
    flows: pa.Table,
    group_numbers: Sequence[int],
    closing_dates: Sequence[date],
    periods: int,
    rates: ExchangeRates,
) -> list[tuple[CellRow, ...]]:
    """Return the rows of some groups, with a cell for each of `periods` (definition: Rows).

    `closing_dates` are those of the known periods. The cells of the periods after them are N/A.
    """
    quantities = cohorts.counts[:, _CREATED].sum(axis=2)
    balances = _convert_balances(cohorts, closing_dates, rates)
    sums = _sum_flows(flows, group_numbers, len(closing_dates), quantities[_ACTIVE], rates)
    rows_of_groups: list[tuple[CellRow, ...]] = []
    for group in range(len(group_numbers)):
        columns: list[Numbers | _Money] = []
        for cohort in range(len(_COHORTS)):
            columns.append(quantities[cohort, group])
            columns += [balance.of(cohort, group) for balance in balances]
        columns += [sums.quantities[_REFILL, group], sums.totals.of(_REFILL, group)]
        columns += [sums.average_refill.of(group)]
        columns += [sums.totals.of(_USAGE, group), sums.average_usage.of(group)]
        for kind in (_ACTIVATION, _RENEWAL):
            columns += [sums.quantities[kind, group], sums.totals.of(kind, group)]
        rows_of_groups.append(
            tuple(
                CellRow.of_numbers(*_pad(column, periods), is_money=metric.unit is Unit.MONEY)
                for metric, column in zip(METRICS, columns, strict=True)
            )
        )
    return rows_of_groups


def _pad(column: Numbers | _Money, periods: int) -> tuple[Numbers, Numbers]:
    """Return the numbers of a column and its mask of N/A, with N/A for the unknown periods."""
    numbers, is_na = column if isinstance(column, _Money) else (column, np.zeros(len(column), bool))
    unknown = periods - len(numbers)
    if not unknown:
        return numbers, is_na
    return np.append(numbers, np.zeros(unknown, numbers.dtype)), np.append(is_na, np.ones(unknown, bool))


def _convert_balances(cohorts: Cohorts, closing_dates: Sequence[date], rates: ExchangeRates) -> list[_Money]:
    """Return Balance Pos, Balance Neg and Balance, each with the axes cohort, group, period.

    Balances are converted at the rate of each period's closing date (definition: Currency).
    """
    days = np.array([(day - _EPOCH).days for day in closing_dates], np.int64)
    # A currency needs a rate as soon as a client has a balance in it, also a balance of zero.
    is_used = cohorts.counts[_ALL, _CLIENTS].any(axis=0)
    is_foreign = [name != rates.report_currency for name in cohorts.currencies]
    needs_rate = is_used[is_foreign].any(axis=0)
    denominators = np.full(len(days), 1, object)
    denominators[needs_rate] = rates.denominators(days[needs_rate])
    numerators = np.zeros((len(cohorts.currencies), len(days)), object)
    for index, name in enumerate(cohorts.currencies):
        if name == rates.report_currency:
            numerators[index] = denominators
        else:
            numerators[index, is_used[index]] = rates.numerators(name, days[is_used[index]])
    balances, unit = reduce_units(cohorts.balances, _MILLIONTHS_PER_CENT)
    sums = multiply(balances, narrow(numerators)).sum(axis=3)
    counts = cohorts.counts.sum(axis=3)
    positive, negative = sums[:, 0], sums[:, 1]
    divisors = narrow(denominators * (_MILLIONTHS_PER_CENT // unit))
    return [
        _Money(divide_rounded(total, divisors), counts[:, measure] == 0)
        for total, measure in (
            (positive, _POSITIVE),
            (negative, _NEGATIVE),
            (positive + negative, _CLIENTS),
        )
    ]


def _sum_flows(
    flows: pa.Table, group_numbers: Sequence[int], periods: int, active: Numbers, rates: ExchangeRates
) -> _Flows:
    """Return the sums of the flows. `active` are the quantities of Clients - Active."""
    group, groups = _group_indexes(flows, group_numbers), len(group_numbers)
    names, kind = _encode(flows["kind"])
    kind = np.array([_index_of_kind(name) for name in names], np.int64)[kind]
    selected = (group >= 0) & (kind >= 0)
    group, kind = group[selected], kind[selected]
    period = _integers(flows, "period")[selected] - 1
    quantities = np.zeros((len(SHOWN_KINDS), groups, periods), np.int64)
    np.add.at(quantities, (kind, group, period), _integers(flows, "quantity")[selected])
    day = _integers(flows, "utc_day")[selected]
    amount, unit = reduce_units(to_whole_numbers(flows["amount"])[selected], _MILLIONTHS_PER_CENT)
    currencies, currency = _encode(flows["currency"])
    # Sums need one column for each pair of a period and a UTC day. From one pair to the next in
    # time, neither number decreases and at least one increases. So their sum is unique.
    first_day = int(day.min()) if len(day) else 0
    pair = period + day - first_day
    period_of_pair, day_of_pair = np.zeros((2, int(pair.max()) + 1 if len(pair) else 0), np.int64)
    period_of_pair[pair], day_of_pair[pair] = period, day
    factors, denominators = _load_factors(pair, day_of_pair, currencies, currency[selected], rates)
    numerators = multiply(amount, factors)
    sums = np.zeros((len(SHOWN_KINDS), groups, len(day_of_pair)), numerators.dtype)
    np.add.at(sums, (kind, group, pair), numerators)
    quotients = QuotientSums(
        sums.reshape(len(SHOWN_KINDS) * groups, len(day_of_pair)), denominators, period_of_pair, periods
    )
    cent = _MILLIONTHS_PER_CENT // unit
    totals = quotients.round_rows(slice(None), cent).reshape(quantities.shape)

    def compute_average(kind: int, divisors: Numbers) -> _Money:
        rows = slice(kind * groups, (kind + 1) * groups)
        cents = quotients.round_rows(rows, np.where(divisors > 0, divisors, 1) * cent)
        return _Money(cents, (quantities[kind] == 0) | (divisors <= 0))

    return _Flows(
        quantities=quantities,
        totals=_Money(totals, quantities == 0),
        average_refill=compute_average(_REFILL, quantities[_REFILL]),
        average_usage=compute_average(_USAGE, active),
    )


def _index_of_kind(name: str) -> int:
    """Return the index of a kind in SHOWN_KINDS; -1 for a kind that the report does not show."""
    return SHOWN_KINDS.index(TransactionKind(name)) if name in SHOWN_KINDS else -1


def _load_factors(
    pair: Numbers, day_of_pair: Numbers, currencies: list[str], currency: Numbers, rates: ExchangeRates
) -> tuple[Numbers, Numbers]:
    """Return the factor of each amount, and the denominator of each pair of period and UTC day.

    An amount is converted at the rate of its transaction's UTC date (definition: Currency).
    """
    is_foreign = np.array([name != rates.report_currency for name in currencies], bool)
    needs_rate = np.zeros(len(day_of_pair), bool)
    needs_rate[pair[is_foreign[currency]]] = True
    denominators = np.full(len(day_of_pair), 1, object)
    if not needs_rate.any():
        return np.ones(len(pair), np.int64), denominators
    denominators[:] = rates.scale
    denominators[needs_rate] = rates.denominators(day_of_pair[needs_rate])
    factors = denominators[pair]
    for index in np.flatnonzero(is_foreign):
        rows = currency == index
        factors[rows] = rates.numerators(currencies[index], day_of_pair[pair[rows]])
    return narrow(factors), denominators


def _encode(column: pa.ChunkedArray) -> tuple[list[str], Numbers]:
    """Return the distinct texts of a column, and for each row the index of its text."""
    encoded = column.combine_chunks()
    if not hasattr(encoded, "indices"):
        encoded = encoded.dictionary_encode()
    codes: Numbers = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    texts = encoded.dictionary.to_pylist()
    used = np.flatnonzero(np.bincount(codes, minlength=len(texts)))
    indexes = np.zeros(len(texts), np.int64)
    indexes[used] = np.arange(len(used))
    return [texts[code] for code in used], indexes[codes]


def _group_indexes(table: pa.Table, group_numbers: Sequence[int]) -> Numbers:
    """Return the index of each row's group in `group_numbers`; -1 for other groups."""
    group = _integers(table, "group_number")
    indexes = np.full(max(group_numbers[-1], int(group.max(initial=0))) + 1, -1)
    indexes[np.array(group_numbers)] = np.arange(len(group_numbers))
    result: Numbers = indexes[group]
    return result


def _integers(table: pa.Table, name: str) -> Numbers:
    numbers: Numbers = table[name].to_numpy().astype(np.int64)
    return numbers
