"""What happens to one client's balance. Amounts are whole millionths from first to last."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise

from orchestration.source.sample.catalogue import CURRENCIES, PACKAGES, SEASON
from orchestration.source.sample.luck import Luck
from orchestration.source.sample.people import Client

DAY = 86_400
LONGEST_BACK_DATING = 45 * DAY

_USD_PRICE = {code: price for code, _, price, _ in CURRENCIES}
_PACKAGE_SHARES = tuple(range(len(PACKAGES), 0, -1))
_MONTHLY_USES = 12
_LEVELS = (1, 1, 1, 2, 2, 3, 5, 9)
_REFILLS = (5_000_000, 10_000_000, 10_000_000, 20_000_000, 25_000_000, 50_000_000)


def transactions(client: Client, months: Sequence[int], luck: Luck) -> list[str]:
    """The client's transactions as CSV lines, about in the order in which billing met them.

    `months` are the starts of the calendar months and at last the end of the time, in seconds of the epoch. The other side of
    a transfer, in the owner's name, follows this side.
    """
    life = _Life(client, months[-1], luck)
    for first, after in pairwise(months):
        if after > client.created_at and not life.month(max(first, client.created_at), first, after):
            break
    return life.lines


class _Life:
    def __init__(self, client: Client, end: int, luck: Luck) -> None:
        self.client, self.end, self.luck = client, end, luck
        self.lines: list[str] = []
        self.balance = 0
        self.level = luck.choice(_LEVELS)
        # What a millionth of a dollar is here; resellers turn over more.
        self.unit = _USD_PRICE[client.currency] * (20 if client.client_type == "reseller" else 1)
        self.package: tuple[str, str, int] | None = None
        self.wants_package = client.client_type != "calling_card" and luck.happens(60)
        self.renewal_offset = 0
        # In percent of the charges that the balance does not cover; who is billed afterwards pays late.
        self.refills_first = 80 if luck.happens(70) else 8

    def month(self, start: int, first: int, after: int) -> bool:
        """One calendar month, lived from `start` on; false when the client leaves with it."""
        luck = self.luck
        if self.package and luck.happens(98):
            if (due := first + self.renewal_offset) < after:
                self.pay("package_renewal", due, self.package[2], self.package[0])
        elif self.wants_package:
            self.activate(luck.between(start, after), first)
        season = SEASON[datetime.fromtimestamp(first, UTC).month - 1]
        most = (after - start) * season * _MONTHLY_USES // (30 * DAY * 100)
        for at in sorted(luck.between(start, after) for _ in range(luck.between(0, most + 1))):
            back = luck.between(0, LONGEST_BACK_DATING) if luck.happens(2) else 0
            self.pay("usage", at - back, luck.between(5_000, 2_400_000) * self.level * season // 100)
        if luck.happens(3):
            self.add(
                "adjustment", luck.between(start, after), luck.between(-2_000_000, 3_000_000) * self.unit
            )
        owner = self.client.owner
        if owner and owner.currency == self.client.currency and luck.happens(5):
            self.transfer(owner, luck.between(start, after), luck.choice(_REFILLS) * self.unit)
        return not luck.happens(2)

    def activate(self, at: int, first: int) -> None:
        """Takes a package; the first renewal, inside the activation, is a row of its own (spec 1)."""
        self.package = package = self.luck.choices(PACKAGES, _PACKAGE_SHARES)[0]
        # No later than the 28th: every month has that day.
        self.renewal_offset = min(at - first, 28 * DAY - 1)
        self.pay("package_activation", at, self.luck.choice((0, 500_000, 1_000_000)), package[0])
        self.pay("package_renewal", at, package[2], package[0])

    def pay(self, kind: str, at: int, price: int, package: str = "") -> None:
        """A charge of `price` (in dollars), a while after a refill if the balance runs low and the client pays ahead."""
        price *= self.unit
        if self.balance < price and at > self.client.created_at and self.luck.happens(self.refills_first):
            usual = self.luck.choice(_REFILLS) * self.level * self.unit
            enough = -(-price // _REFILLS[0]) * _REFILLS[0]
            self.add(
                "refill", max(self.client.created_at, at - self.luck.between(30, 900)), max(usual, enough)
            )
        self.add(kind, at, -price, package)

    def transfer(self, owner: Client, at: int, amount: int) -> None:
        """The owner's money to the client: a row for each."""
        self.add("transfer", at, amount)
        number = f"{self.client.client_id}-{len(self.lines) + 1:05d}"
        when = _text(at)
        self.lines.append(f"{number},{owner.client_id},{when},transfer,{_money(-amount)},,{when},\n")

    def add(self, kind: str, at: int, amount: int, package: str = "") -> None:
        """A row of the client; some are voided later, some usage was rerated later."""
        luck, changed, voided = self.luck, at, ""
        later = at + luck.between(DAY, 20 * DAY)
        if later < self.end and kind != "transfer" and luck.happens(1):
            changed, voided = later, _text(later)
        elif later < self.end and kind == "usage" and luck.happens(3):
            changed = later
        if not voided:
            self.balance += amount
        when = _text(at)
        self.lines.append(
            f"{self.client.client_id}-{len(self.lines) + 1:05d},{self.client.client_id},{when},{kind},{_money(amount)},"
            f"{package},{when if changed == at else _text(changed)},{voided}\n"
        )


def _text(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _money(millionths: int) -> str:
    whole, part = divmod(abs(millionths), 1_000_000)
    return f"{'-' if millionths < 0 else ''}{whole}.{part:06d}"
