"""Who the sample's clients are."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from orchestration.source.sample.catalogue import (
    CURRENCIES,
    FAMILY_NAMES,
    FIRST_WORDS,
    GIVEN_NAMES,
    LAST_WORDS,
    ODD_NAMES,
    RESELLERS,
    TAGS,
)
from orchestration.source.sample.luck import Luck

_TYPES = ("client", "calling_card", "call_shop")
_ODD_EVERY = 50


class Client(NamedTuple):
    """A client; times are whole seconds of the epoch."""

    client_id: str
    name: str
    client_type: str
    owner: "Client | None"
    currency: str
    created_at: int
    updated_at: int
    tags: tuple[str, ...]

    def row(self) -> tuple[str, ...]:
        """The client as `clients.csv` has it."""
        owner_id = self.owner.client_id if self.owner else ""
        times = (datetime.fromtimestamp(at, UTC).isoformat() for at in (self.created_at, self.updated_at))
        return self.client_id, self.name, self.client_type, owner_id, self.currency, *times


def reseller_count(clients: int) -> int:
    """How many of that many clients are resellers; they are the first."""
    return min(clients, max(len(RESELLERS), clients // 25))


def reseller(number: int, known: Sequence[Client], luck: Luck, start: int, end: int) -> Client:
    """Reseller `number` from 0; `known` are those before it. They begin in the first tenth of the time."""
    owner = None
    if known and (number < len(RESELLERS) or luck.happens(40)):
        owner = luck.choice([one for one in known[:50] if one.owner is None])
    pairs = len(FIRST_WORDS) * len(LAST_WORDS)
    name = (
        f"{FIRST_WORDS[number % len(FIRST_WORDS)]} {LAST_WORDS[number // len(FIRST_WORDS) % len(LAST_WORDS)]}"
    )
    if number < len(RESELLERS):
        name = RESELLERS[number]
    elif number >= pairs:
        name = f"{name} {number // pairs + 1}"
    return _client(f"r{number:05d}", name, "reseller", owner, luck, start, start + (end - start) // 10)


def customer(number: int, resellers: Sequence[Client], luck: Luck, start: int, end: int) -> Client:
    """Client `number` from 0, of any type but reseller: the first are one of each type, tag and odd name."""
    kind = _TYPES[number] if number < len(_TYPES) else luck.choices(_TYPES, (80, 13, 7))[0]
    if number < len(ODD_NAMES) or number % _ODD_EVERY == 0:
        name = ODD_NAMES[number % len(ODD_NAMES)]
    elif kind == "call_shop" or luck.happens(30):
        name = f"{luck.choice(FIRST_WORDS)} {luck.choice(LAST_WORDS)}"
    else:
        name = f"{luck.choice(GIVEN_NAMES)} {luck.choice(FAMILY_NAMES)}"
    # Squared, the choice leans to the big resellers at the front.
    owner = resellers[int(luck.random() ** 2 * len(resellers))] if luck.happens(85) else None
    client = _client(f"c{number:07d}", name, kind, owner, luck, start, end)
    return client._replace(tags=(TAGS[number][0],)) if number < len(TAGS) else client


def _client(
    client_id: str, name: str, kind: str, owner: Client | None, luck: Luck, start: int, end: int
) -> Client:
    codes, shares = [currency[0] for currency in CURRENCIES], [currency[1] for currency in CURRENCIES]
    currency = owner.currency if owner and luck.happens(80) else luck.choices(codes, shares)[0]
    # Squared: many come early, so that most of the time has most of the clients.
    created_at = start + int((end - start) * luck.random() ** 2)
    updated_at = created_at if luck.happens(70) else luck.between(created_at, end)
    tags = tuple(tag for tag, share in TAGS if luck.happens(share))
    return Client(client_id, name, kind, owner, currency, created_at, updated_at, tags)
