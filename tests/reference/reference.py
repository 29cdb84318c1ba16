"""The report of the spec computed a second time, so that two computations can be compared.

Written from the spec alone, for the eye: one client and one transaction at a time, exact fractions, no thought of
speed. It shares no code with the product and must never import it.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from fractions import Fraction

from extract import Client, Extract, Rate, Transaction
from periods import MICROSECOND, Params, Period, cut_into_periods, time_group

HOLDING_KINDS = ("package_activation", "package_renewal")
PAID_KINDS = ("usage", *HOLDING_KINDS)
COHORTS = ("Clients - Active", "Clients - Overall Active", "Clients - All")
ROWS = (
    *((cohort, metric) for cohort in COHORTS for metric in ("Qty", "Balance Pos", "Balance Neg", "Balance")),
    *(("Balance Refill", metric) for metric in ("Qty", "Total", "Avg")),
    *(("Pay As You Go", metric) for metric in ("Total", "Active Avg")),
    *(("Packages", f"{kind} {metric}") for kind in ("Activation", "Renew") for metric in ("Qty", "Total")),
)
NOTHING = "N/A"


class MissingRate(Exception):
    """A rate that is needed is not known: the earliest such date, and its alphabetically first currency."""

    def __init__(self, currency: str, date: date) -> None:
        super().__init__(currency, date)
        self.currency, self.date = currency, date


def reference_report(
    extract: Extract, params: Params, *, as_of: datetime, base_currency: str = "USD", now: datetime
) -> list[list[str]]:
    """Return the rows of the report's CSV (spec 8), header first, as text cells before quoting."""
    periods = cut_into_periods(params, as_of, now)
    accounts = matching_accounts(extract, params)
    groups = shown_groups(extract, params, accounts, periods)
    rates = Rates(extract.exchange_rates, base_currency, params.currency or base_currency)
    columns = {
        (group, period): cells(group, [a for a in accounts if group.includes(a, period.end)], period, rates)
        for group in groups
        for period in periods
    }
    if rates.missing:
        day, currency = min(rates.missing)
        raise MissingRate(currency, day)

    def block(keys: list[tuple[Group, Period]]) -> list[list[str]]:
        return [[*row, *(columns[key][i] for key in keys)] for i, row in enumerate(ROWS)]

    labels = [period.label for period in periods]
    if "package_name" not in params.group_by:
        return [["Section", "Metric", *labels], *block([(groups[0], period) for period in periods])]
    if time_group(params) is None:
        names = [text_cell(group.name) for group in groups]
        return [["Section", "Metric", *names], *block([(group, periods[0]) for group in groups])]
    rows = [
        [text_cell(group.name), *row]
        for group in groups
        for row in block([(group, period) for period in periods])
    ]
    return [["Package", "Section", "Metric", *labels], *rows]


def data_interval(
    extract: Extract, params: Params, *, as_of: datetime, now: datetime
) -> tuple[datetime, datetime] | None:
    """Return the first and last transaction instant used that lies in the interval, or None (spec 9)."""
    known = [period for period in cut_into_periods(params, as_of, now) if period.known]
    if not known:
        return None
    start, end = known[0].start, known[-1].end
    group = filter_group(extract, params)
    instants = [
        transaction.occurred_at
        for account in matching_accounts(extract, params)
        if group.includes(account, end)
        for transaction in account.between(start, end)
    ]
    return (min(instants), max(instants)) if instants else None


# Scope and groups: spec 4 and 7


@dataclass(frozen=True, eq=False)
class Account:
    """A client with its transactions that are not voided."""

    client: Client
    transactions: list[Transaction]

    def between(self, start: datetime, end: datetime) -> list[Transaction]:
        return [transaction for transaction in self.transactions if start <= transaction.occurred_at < end]

    def before(self, end: datetime) -> list[Transaction]:
        return [transaction for transaction in self.transactions if transaction.occurred_at < end]

    def balance(self, end: datetime) -> Fraction:
        return sum((Fraction(transaction.amount) for transaction in self.before(end)), Fraction(0))

    def held(self, end: datetime) -> set[str]:
        """Return the packages of which there was an activation or renewal before `end`."""
        return {t.package_id for t in self.before(end) if t.kind in HOLDING_KINDS and t.package_id}


@dataclass(frozen=True, eq=False)
class Group:
    """A name, which clients are in scope by what they hold, and which transactions the Packages rows count."""

    name: str
    takes: Callable[[set[str]], bool]
    counts: Callable[[Transaction], bool]

    def includes(self, account: Account, end: datetime) -> bool:
        return self.takes(account.held(end))


EVERYONE = Group("", lambda _: True, lambda _: True)
NO_PACKAGE = Group("No package", lambda held: not held, lambda _: True)


def holders(name: str, packages: set[str]) -> Group:
    """Return the group of the clients that hold one of the packages."""
    return Group(name, lambda held: bool(held & packages), lambda t: t.package_id in packages)


def matching_accounts(extract: Extract, params: Params) -> list[Account]:
    """Return the clients whose type matches and that pass the filters by tag and owner."""
    resellers = {c.client_id: c.name for c in extract.clients if c.client_type == "reseller"}
    owners = resolved(params.owners, resellers)
    tagged = {tag.client_id for tag in extract.client_tags if tag.tag in params.client_tags}
    return [
        Account(
            client, [t for t in extract.transactions if t.client_id == client.client_id and not t.voided_at]
        )
        for client in extract.clients
        if client.client_type == params.client_type
        and (not params.client_tags or client.client_id in tagged)
        and (not params.owners or client.owner_id in owners)
    ]


def filter_group(extract: Extract, params: Params) -> Group:
    """Return the group that the package filter makes: those who hold any of the packages."""
    if not params.packages:
        return EVERYONE
    return holders("", resolved(params.packages, {p.package_id: p.name for p in extract.packages}))


def shown_groups(
    extract: Extract, params: Params, accounts: list[Account], periods: list[Period]
) -> list[Group]:
    """Return the blocks or columns of the report, in order; without grouping by package just one."""
    if "package_name" not in params.group_by:
        return [filter_group(extract, params)]
    packages = {p.package_id: p.name for p in extract.packages}
    wanted = resolved(params.packages, packages) if params.packages else set(packages)
    groups = [holders(packages[key], {key}) for key in sorted(wanted, key=lambda key: (packages[key], key))]
    if not params.packages:
        groups.append(NO_PACKAGE)
    ends = [period.end for period in periods if period.known]
    return [g for g in groups if any(g.includes(account, end) for account in accounts for end in ends)]


def resolved(asked: Iterable[str], names: dict[str, str]) -> set[str]:
    """Return the ids that are asked for, each by its id or else by its name."""
    found: set[str] = set()
    for one in asked:
        ids = {one} if one in names else {key for key, name in names.items() if name == one}
        if not ids:
            raise LookupError(one)
        found |= ids
    return found


# Rows and currency: spec 5 and 6


class Rates:
    """Converts into the report's currency, and remembers which rates were needed and missing."""

    def __init__(self, rates: Iterable[Rate], base: str, report: str) -> None:
        self.rates, self.base, self.report = list(rates), base, report
        self.missing: set[tuple[date, str]] = set()

    def convert(self, amount: Fraction, currency: str, day: date) -> Fraction:
        """Return the amount in the report's currency, at the rates of a UTC date."""
        if currency == self.report:
            return amount
        return amount * self.worth(currency, day) / self.worth(self.report, day)

    def worth(self, currency: str, day: date) -> Fraction:
        """Return what one unit is worth in the base currency."""
        if currency == self.base:
            return Fraction(1)
        valid = [rate for rate in self.rates if rate.currency == currency and rate.valid_from <= day]
        if not valid:
            self.missing.add((day, currency))
            return Fraction(1)
        return Fraction(max(valid, key=lambda rate: rate.valid_from).rate)


def cells(group: Group, accounts: list[Account], period: Period, rates: Rates) -> list[str]:
    """Return the 21 cells of a group and a period, for the clients in scope."""
    if not period.known:
        return [NOTHING] * len(ROWS)
    start, end = period.start, period.end
    active = [account for account in accounts if any(map(is_paid, account.between(period.active_from, end)))]
    overall = [account for account in accounts if any(map(is_paid, account.before(end)))]

    def flow(kind: str) -> list[Fraction]:
        return [
            rates.convert(Fraction(t.amount), account.client.currency, t.occurred_at.astimezone(UTC).date())
            for account in accounts
            for t in account.between(start, end)
            if t.kind == kind and (kind not in HOLDING_KINDS or group.counts(t))
        ]

    refills, usage = flow("refill"), flow("usage")
    activations, renewals = flow("package_activation"), flow("package_renewal")
    return [
        *cohort_cells(active, end, rates),
        *cohort_cells(overall, end, rates),
        *cohort_cells(accounts, end, rates),
        *(str(len(refills)), total(refills), average(refills, len(refills))),
        *(total(usage), average(usage, created(active, end))),
        *(str(len(activations)), total(activations)),
        *(str(len(renewals)), total(renewals)),
    ]


def is_paid(transaction: Transaction) -> bool:
    """Tell whether a transaction is a paid service."""
    return transaction.kind in PAID_KINDS and transaction.amount < 0


def created(cohort: list[Account], end: datetime) -> int:
    """Return the Qty of a cohort."""
    return sum(account.client.created_at < end for account in cohort)


def cohort_cells(cohort: list[Account], end: datetime, rates: Rates) -> list[str]:
    """Return Qty, Balance Pos, Balance Neg and Balance of a cohort, at closing rates."""
    closing_day = (end - MICROSECOND).astimezone(UTC).date()
    balances = [
        rates.convert(account.balance(end), account.client.currency, closing_day)
        for account in cohort
        if account.client.created_at < end or account.before(end)
    ]
    positive, negative = [b for b in balances if b > 0], [b for b in balances if b < 0]
    return [str(created(cohort, end)), total(positive), total(negative), total(balances)]


def total(amounts: list[Fraction]) -> str:
    """Return a sum; over nothing it is N/A, over zeros 0.00."""
    return money(sum(amounts, Fraction(0))) if amounts else NOTHING


def average(amounts: list[Fraction], quantity: int) -> str:
    """Return a sum divided by a quantity; of nothing, or over nothing, it is N/A."""
    return money(sum(amounts, Fraction(0)) / quantity) if amounts and quantity else NOTHING


def money(amount: Fraction) -> str:
    """Return an amount rounded half away from zero to two decimals."""
    cents = int(abs(amount) * 100 + Fraction(1, 2))
    return f"{'-' if amount < 0 < cents else ''}{cents // 100}.{cents % 100:02}"


def text_cell(text: str) -> str:
    """Return a text that a spreadsheet will not take for a formula."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
