"""What the sample's currencies are worth, in whole hundred-millionths of a dollar."""

from collections.abc import Iterator
from datetime import date, timedelta

from orchestration.source.sample.catalogue import CURRENCIES
from orchestration.source.sample.luck import Luck

_HOLIDAYS = {(1, 1), (5, 1), (12, 25), (12, 26)}
_SATURDAY = 5


def rates(first: date, last: date, seed: int) -> Iterator[tuple[str, date, str]]:
    """Currency, date and rate: a drift from `first` to `last`, with a rate on `first` and none on weekends and holidays."""
    for code, _, _, first_rate in CURRENCIES:
        if code == "USD":
            continue
        rate, luck = first_rate, Luck(f"{seed} rates {code}")
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if number and (day.weekday() >= _SATURDAY or (day.month, day.day) in _HOLIDAYS):
                continue
            rate += rate * luck.between(-45, 46) // 10_000
            yield code, day, f"{rate // 10**8}.{rate % 10**8:08d}"
