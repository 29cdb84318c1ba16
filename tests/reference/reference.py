"""The reference: a second computation of the report, with which the tests compare the product.

It follows docs/reference/report-definition.md and nothing else. It computes one client and one
transaction at a time, with exact fractions, and is slow. It must never import the product.
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
NOT_AVAILABLE = "N/A"


class MissingRate(Exception):
    """A needed rate does not exist: its first date, and the first currency on that date."""

    def __init__(self, currency: str, date: date) -> None:
        super().__init__(currency, date)
        self.currency, self.date = currency, date


def reference_report(
    extract: Extract, params: Params, *, as_of: datetime, base_currency: str = "USD", now: datetime
) -> list[list[str]]:
    """Return the rows of the report's CSV as text cells, the header first (definition: CSV)."""
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
    """Return the first and last instant of the transactions used (definition: Data interval)."""
    known_periods = [period for period in cut_into_periods(params, as_of, now) if period.is_known]
    if not known_periods:
        return None
    start, end = known_periods[0].start, known_periods[-1].end
    group = filter_group(extract, params)
    instants = [
        transaction.occurred_at
        for account in matching_accounts(extract, params)
        if group.includes(account, end)
        for transaction in account.between(start, end)
    ]
    return (min(instants), max(instants)) if instants else None


# Scope and groups (definition: Scope, Grouping by package)


@dataclass(frozen=True, eq=False)
class Account:
    """A client with its transactions, except voided ones."""

    client: Client
    transactions: list[Transaction]

    def between(self, start: datetime, end: datetime) -> list[Transaction]:
        return [transaction for transaction in self.transactions if start <= transaction.occurred_at < end]

    def before(self, end: datetime) -> list[Transaction]:
        return [transaction for transaction in self.transactions if transaction.occurred_at < end]

    def balance(self, end: datetime) -> Fraction:
        return sum((Fraction(transaction.amount) for transaction in self.before(end)), Fraction(0))

    def held(self, end: datetime) -> set[str]:
        """Return the packages that the client holds at `end` (definition: Package filter)."""
        return {t.package_id for t in self.before(end) if t.kind in HOLDING_KINDS and t.package_id}


@dataclass(frozen=True, eq=False)
class Group:
    """A group of a report."""

    name: str
    has_holder: Callable[[set[str]], bool]
    """True if a client that holds these packages is in the group."""
    counts: Callable[[Transaction], bool]
    """True if the rows of the section Packages count the transaction."""

    def includes(self, account: Account, end: datetime) -> bool:
        return self.has_holder(account.held(end))


WHOLE_SCOPE = Group("", lambda _: True, lambda _: True)
NO_PACKAGE = Group("No package", lambda held: not held, lambda _: True)


def holders_of(name: str, packages: set[str]) -> Group:
    """Return the group of the clients that hold one of the packages."""
    return Group(name, lambda held: bool(held & packages), lambda t: t.package_id in packages)


def matching_accounts(extract: Extract, params: Params) -> list[Account]:
    """Return the clients of the type that pass the filters by tag and owner."""
    resellers = {c.client_id: c.name for c in extract.clients if c.client_type == "reseller"}
    owners = resolve_ids(params.owners, resellers)
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
    """Return the group of the clients that pass the package filter."""
    if not params.packages:
        return WHOLE_SCOPE
    return holders_of("", resolve_ids(params.packages, {p.package_id: p.name for p in extract.packages}))


def shown_groups(
    extract: Extract, params: Params, accounts: list[Account], periods: list[Period]
) -> list[Group]:
    """Return the groups of the report in order; one group without grouping by package."""
    if "package_name" not in params.group_by:
        return [filter_group(extract, params)]
    packages = {p.package_id: p.name for p in extract.packages}
    chosen = resolve_ids(params.packages, packages) if params.packages else set(packages)
    groups = [
        holders_of(packages[key], {key}) for key in sorted(chosen, key=lambda key: (packages[key], key))
    ]
    if not params.packages:
        groups.append(NO_PACKAGE)
    ends = [period.end for period in periods if period.is_known]
    return [g for g in groups if any(g.includes(account, end) for account in accounts for end in ends)]


def resolve_ids(words: Iterable[str], names: dict[str, str]) -> set[str]:
    """Return the ids that the words match, each as an id or else as a name."""
    result: set[str] = set()
    for word in words:
        ids = {word} if word in names else {key for key, name in names.items() if name == word}
        if not ids:
            raise LookupError(word)
        result |= ids
    return result


# Rows and currency (definition: Rows, Currency)


class Rates:
    """The exchange rates of a report. `missing` collects the date and currency of missing rates."""

    def __init__(self, rates: Iterable[Rate], base: str, report: str) -> None:
        self.rates, self.base, self.report = list(rates), base, report
        self.missing: set[tuple[date, str]] = set()

    def convert(self, amount: Fraction, currency: str, day: date) -> Fraction:
        """Return the amount in the report currency, at the rates of a UTC date."""
        if currency == self.report:
            return amount
        return amount * self.worth(currency, day) / self.worth(self.report, day)

    def worth(self, currency: str, day: date) -> Fraction:
        """Return the value of one unit in the base currency; 1 if the rate is missing."""
        if currency == self.base:
            return Fraction(1)
        valid = [rate for rate in self.rates if rate.currency == currency and rate.valid_from <= day]
        if not valid:
            self.missing.add((day, currency))
            return Fraction(1)
        return Fraction(max(valid, key=lambda rate: rate.valid_from).rate)


def cells(group: Group, accounts: list[Account], period: Period, rates: Rates) -> list[str]:
    """Return the 21 cells of a group and a period. `accounts` are the clients in scope."""
    if not period.is_known:
        return [NOT_AVAILABLE] * len(ROWS)
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
    """Return True if the transaction is a paid service (definition: Cohorts)."""
    return transaction.kind in PAID_KINDS and transaction.amount < 0


def created(cohort: list[Account], end: datetime) -> int:
    """Return the quantity of a cohort."""
    return sum(account.client.created_at < end for account in cohort)


def cohort_cells(cohort: list[Account], end: datetime, rates: Rates) -> list[str]:
    """Return Qty, Balance Pos, Balance Neg and Balance of a cohort."""
    closing_day = (end - MICROSECOND).astimezone(UTC).date()
    balances = [
        rates.convert(account.balance(end), account.client.currency, closing_day)
        for account in cohort
        if account.client.created_at < end or account.before(end)
    ]
    positive, negative = [b for b in balances if b > 0], [b for b in balances if b < 0]
    return [str(created(cohort, end)), total(positive), total(negative), total(balances)]


def total(amounts: list[Fraction]) -> str:
    """Return the sum as money; N/A without amounts (definition: N/A)."""
    return money(sum(amounts, Fraction(0))) if amounts else NOT_AVAILABLE


def average(amounts: list[Fraction], quantity: int) -> str:
    """Return the sum divided by a quantity; N/A without amounts or with a quantity of 0."""
    return money(sum(amounts, Fraction(0)) / quantity) if amounts and quantity else NOT_AVAILABLE


def money(amount: Fraction) -> str:
    """Return an amount with two decimals (definition: Rounding)."""
    cents = int(abs(amount) * 100 + Fraction(1, 2))
    return f"{'-' if amount < 0 < cents else ''}{cents // 100}.{cents % 100:02}"


def text_cell(text: str) -> str:
    """Return a text that a spreadsheet does not run as a formula (definition: CSV)."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
