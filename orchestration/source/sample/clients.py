"""The clients of the sample."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from orchestration.domain import ClientType
from orchestration.source.sample.random_numbers import RandomNumbers
from orchestration.source.sample.seed_data import (
    CURRENCIES,
    FAMILY_NAMES,
    FIRST_WORDS,
    GIVEN_NAMES,
    LAST_WORDS,
    ODD_NAMES,
    RESELLERS,
    TAGS,
)

_CUSTOMER_TYPES = (ClientType.CLIENT, ClientType.CALLING_CARD, ClientType.CALL_SHOP)
_ODD_NAME_INTERVAL = 50


class Client(NamedTuple):
    """A client. Times are whole seconds since 1970."""

    client_id: str
    name: str
    client_type: ClientType
    owner: "Client | None"
    currency: str
    created_at: int
    updated_at: int
    tags: tuple[str, ...]

    def row(self) -> tuple[str, ...]:
        """Return the client as a row of `clients.csv`."""
        owner_id = self.owner.client_id if self.owner else ""
        times = (
            datetime.fromtimestamp(seconds, UTC).isoformat() for seconds in (self.created_at, self.updated_at)
        )
        return self.client_id, self.name, self.client_type, owner_id, self.currency, *times


def count_resellers(clients: int) -> int:
    """Return how many of the clients are resellers. They come first in the sample."""
    return min(clients, max(len(RESELLERS), clients // 25))


def make_reseller(
    number: int, resellers: Sequence[Client], rng: RandomNumbers, start: int, end: int
) -> Client:
    """Return reseller `number`, from 0. `resellers` are the resellers before it.

    Resellers are created in the first tenth of the time.
    """
    owner = None
    if resellers and (number < len(RESELLERS) or rng.chance(40)):
        owner = rng.choice([reseller for reseller in resellers[:50] if reseller.owner is None])
    pairs = len(FIRST_WORDS) * len(LAST_WORDS)
    name = (
        f"{FIRST_WORDS[number % len(FIRST_WORDS)]} {LAST_WORDS[number // len(FIRST_WORDS) % len(LAST_WORDS)]}"
    )
    if number < len(RESELLERS):
        name = RESELLERS[number]
    elif number >= pairs:
        name = f"{name} {number // pairs + 1}"
    created_before = start + (end - start) // 10
    return _make_client(f"r{number:05d}", name, ClientType.RESELLER, owner, rng, start, created_before)


def make_client(number: int, resellers: Sequence[Client], rng: RandomNumbers, start: int, end: int) -> Client:
    """Return client `number`, from 0, of any type but reseller.

    The first clients cover each type, each tag and each odd name.
    """
    if number < len(_CUSTOMER_TYPES):
        client_type = _CUSTOMER_TYPES[number]
    else:
        client_type = rng.choices(_CUSTOMER_TYPES, (80, 13, 7))[0]
    if number < len(ODD_NAMES) or number % _ODD_NAME_INTERVAL == 0:
        name = ODD_NAMES[number % len(ODD_NAMES)]
    elif client_type == ClientType.CALL_SHOP or rng.chance(30):
        name = f"{rng.choice(FIRST_WORDS)} {rng.choice(LAST_WORDS)}"
    else:
        name = f"{rng.choice(GIVEN_NAMES)} {rng.choice(FAMILY_NAMES)}"
    # The square prefers the first resellers, so that they own many clients.
    owner = resellers[int(rng.random() ** 2 * len(resellers))] if rng.chance(85) else None
    client = _make_client(f"c{number:07d}", name, client_type, owner, rng, start, end)
    return client._replace(tags=(TAGS[number][0],)) if number < len(TAGS) else client


def _make_client(
    client_id: str,
    name: str,
    client_type: ClientType,
    owner: Client | None,
    rng: RandomNumbers,
    start: int,
    end: int,
) -> Client:
    codes, shares = [currency[0] for currency in CURRENCIES], [currency[1] for currency in CURRENCIES]
    currency = owner.currency if owner and rng.chance(80) else rng.choices(codes, shares)[0]
    # The square prefers early times, so that most clients exist for most of the time.
    created_at = start + int((end - start) * rng.random() ** 2)
    updated_at = created_at if rng.chance(70) else rng.between(created_at, end)
    tags = tuple(tag for tag, share in TAGS if rng.chance(share))
    return Client(client_id, name, client_type, owner, currency, created_at, updated_at, tags)
