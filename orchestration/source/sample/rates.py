"""Exchange rates of the sample, as whole hundred-millionths of a dollar."""

from collections.abc import Iterator
from datetime import date, timedelta

from orchestration.source.sample.random_numbers import RandomNumbers
from orchestration.source.sample.seed_data import CURRENCIES

_HOLIDAYS = {(1, 1), (5, 1), (12, 25), (12, 26)}
_SATURDAY = 5


def generate_rates(first: date, last: date, seed: int) -> Iterator[tuple[str, date, str]]:
    """Yield currency, date and rate from `first` to `last`.

    The first rate is on `first`. Later weekends and holidays have no rate.
    """
    for code, _, _, first_rate in CURRENCIES:
        if code == "USD":
            continue
        rate, rng = first_rate, RandomNumbers(f"{seed} rates {code}")
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            if number and (day.weekday() >= _SATURDAY or (day.month, day.day) in _HOLIDAYS):
                continue
            rate += rate * rng.between(-45, 46) // 10_000
            yield code, day, f"{rate // 10**8}.{rate % 10**8:08d}"
