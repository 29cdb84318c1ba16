"""Simulates the transactions of one client. Amounts are whole millionths."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from orchestration.domain import ClientType, TransactionKind
from orchestration.source.sample.clients import Client
from orchestration.source.sample.random_numbers import RandomNumbers
from orchestration.source.sample.seed_data import CURRENCIES, PACKAGES, SEASON

DAY = 86_400
MAX_BACK_DATING = 45 * DAY
"""The longest time, in seconds, by which a transaction is back-dated."""

_USD_PRICE = {code: price for code, _, price, _ in CURRENCIES}
_PACKAGE_SHARES = tuple(range(len(PACKAGES), 0, -1))
_MONTHLY_USES = 12
_USAGE_LEVELS = (1, 1, 1, 2, 2, 3, 5, 9)
_REFILLS = (5_000_000, 10_000_000, 10_000_000, 20_000_000, 25_000_000, 50_000_000)


def simulate_transactions(client: Client, months: Sequence[int], rng: RandomNumbers) -> list[str]:
    """Return the client's transactions as CSV lines, roughly in the order of their time.

    `months` are the starts of the calendar months, and last the end of the time, in seconds since
    1970. A transfer has a second line for the owner, after the client's line.
    """
    simulation = _ClientSimulation(client, months[-1], rng)
    for first, after in pairwise(months):
        start = max(first, client.created_at)
        if after > client.created_at and not simulation.run_month(start, first, after):
            break
    return simulation.lines


class _ClientSimulation:
    """The state of one client: its balance, package and habits, and the lines so far."""

    def __init__(self, client: Client, end: int, rng: RandomNumbers) -> None:
        self.client, self.end, self.rng = client, end, rng
        self.lines: list[str] = []
        self.balance = 0
        self.usage_level = rng.choice(_USAGE_LEVELS)
        # The price of a millionth of a dollar in the client's currency. Resellers have larger
        # amounts.
        self.unit = _USD_PRICE[client.currency] * (20 if client.client_type == ClientType.RESELLER else 1)
        self.package: tuple[str, str, int] | None = None
        self.wants_package = client.client_type != ClientType.CALLING_CARD and rng.chance(60)
        self.renewal_offset = 0
        # The share of uncovered charges, in percent, before which the client refills its balance.
        self.prepaid_percent = 80 if rng.chance(70) else 8

    def run_month(self, start: int, first: int, after: int) -> bool:
        """Simulate the calendar month from `first` to `after`, beginning at `start`.

        Return False if the client leaves at its end.
        """
        rng = self.rng
        if self.package and rng.chance(98):
            renewal = first + self.renewal_offset
            if renewal < after:
                self.charge(TransactionKind.PACKAGE_RENEWAL, renewal, self.package[2], self.package[0])
        elif self.wants_package:
            self.activate_package(rng.between(start, after), first)
        season = SEASON[datetime.fromtimestamp(first, UTC).month - 1]
        max_uses = (after - start) * season * _MONTHLY_USES // (30 * DAY * 100)
        for seconds in sorted(rng.between(start, after) for _ in range(rng.between(0, max_uses + 1))):
            back_dating = rng.between(0, MAX_BACK_DATING) if rng.chance(2) else 0
            price = rng.between(5_000, 2_400_000) * self.usage_level * season // 100
            self.charge(TransactionKind.USAGE, seconds - back_dating, price)
        if rng.chance(3):
            seconds = rng.between(start, after)
            self.add(TransactionKind.ADJUSTMENT, seconds, rng.between(-2_000_000, 3_000_000) * self.unit)
        owner = self.client.owner
        if owner and owner.currency == self.client.currency and rng.chance(5):
            self.transfer(owner, rng.between(start, after), rng.choice(_REFILLS) * self.unit)
        return not rng.chance(2)

    def activate_package(self, seconds: int, first: int) -> None:
        """Activate a package. The first renewal is a separate row (definition: Source tables)."""
        self.package = package = self.rng.choices(PACKAGES, _PACKAGE_SHARES)[0]
        # Renewals are not later than the 28th, which every month has.
        self.renewal_offset = min(seconds - first, 28 * DAY - 1)
        activation_price = self.rng.choice((0, 500_000, 1_000_000))
        self.charge(TransactionKind.PACKAGE_ACTIVATION, seconds, activation_price, package[0])
        self.charge(TransactionKind.PACKAGE_RENEWAL, seconds, package[2], package[0])

    def charge(self, kind: TransactionKind, seconds: int, price: int, package: str = "") -> None:
        """Charge a price in millionths of a dollar. Prepaid clients first refill a low balance."""
        price *= self.unit
        if (
            self.balance < price
            and seconds > self.client.created_at
            and self.rng.chance(self.prepaid_percent)
        ):
            usual = self.rng.choice(_REFILLS) * self.usage_level * self.unit
            required = -(-price // _REFILLS[0]) * _REFILLS[0]
            refilled_at = max(self.client.created_at, seconds - self.rng.between(30, 900))
            self.add(TransactionKind.REFILL, refilled_at, max(usual, required))
        self.add(kind, seconds, -price, package)

    def transfer(self, owner: Client, seconds: int, amount: int) -> None:
        """Transfer money from the owner to the client. Each of them gets a row."""
        self.add(TransactionKind.TRANSFER, seconds, amount)
        number = f"{self.client.client_id}-{len(self.lines) + 1:05d}"
        time = _format_time(seconds)
        self.lines.append(f"{number},{owner.client_id},{time},transfer,{_format_money(-amount)},,{time},\n")

    def add(self, kind: TransactionKind, seconds: int, amount: int, package: str = "") -> None:
        """Add a row. Some rows are voided later, and some usage is rated again later."""
        rng, updated_at, voided = self.rng, seconds, ""
        later = seconds + rng.between(DAY, 20 * DAY)
        if later < self.end and kind != TransactionKind.TRANSFER and rng.chance(1):
            updated_at, voided = later, _format_time(later)
        elif later < self.end and kind == TransactionKind.USAGE and rng.chance(3):
            updated_at = later
        if not voided:
            self.balance += amount
        time = _format_time(seconds)
        self.lines.append(
            f"{self.client.client_id}-{len(self.lines) + 1:05d},{self.client.client_id},{time},{kind},"
            f"{_format_money(amount)},{package},"
            f"{time if updated_at == seconds else _format_time(updated_at)},{voided}\n"
        )


def _format_time(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def _format_money(millionths: int) -> str:
    whole, part = divmod(abs(millionths), 1_000_000)
    return f"{'-' if millionths < 0 else ''}{whole}.{part:06d}"
