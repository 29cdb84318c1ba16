"""Fate: what goes wrong in one delivery, drawn from a seed."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FIRST = datetime(2020, 1, 1, tzinfo=UTC)
STOPS = (
    "report",
    "put",
    "put",
    "record",
    "check",
    "queue",
    "claim",
    "sending",
    "send",
    "send",
    "settle",
    "settle",
)
IN_A_TRANSACTION = ("record", "queue")
"""Who pauses here makes all others wait, which is right and takes for ever."""
AFTER_THE_SNAPSHOT = STOPS[4:]
PLACES = ("at_rcpt", "at_data", "at_body", "after_body", "after_body")
ANSWERS = ("450 4.7.1 later", "421 4.3.2 closing", "550 5.1.1 never", "drop", "kill", "kill", "hang")


@dataclass
class Attempt:
    """One faulty attempt: where its worker stops and how, what its mail server does, who works at the same time."""

    stop: tuple | None = None
    faults: list = field(default_factory=list)
    at_connect: list = field(default_factory=list)
    two_at_once: bool = False
    time_passes: bool = True
    """Whether waits and leases have ended before the next attempt."""


@dataclass
class Fate:
    """A schedule of faults: one to four faulty attempts; after them all goes well."""

    seed: int
    moment: str
    recipients: list
    attempts: list
    resend: bool
    """Whether somebody sends a mail whose fate is unknown once more in the end."""


def fate(seed, stops=STOPS, answers=ANSWERS):
    """The fate of that number; its workers stop at some of `stops`, its mail server answers some of `answers`."""
    chance = random.Random(seed)
    recipients = [f"r{number}@s{seed}.example.com" for number in range(chance.randint(1, 3))]
    return Fate(
        seed,
        (FIRST + timedelta(hours=seed)).isoformat(),
        recipients,
        [_attempt(chance, recipients, stops, answers) for _ in range(chance.choice((1, 1, 2, 2, 3, 4)))],
        chance.random() < 0.2,
    )


def _attempt(chance, recipients, stops, answers):
    attempt = Attempt(two_at_once=chance.random() < 0.15, time_passes=chance.random() < 0.75)
    kind = chance.random()
    if kind < 0.6:
        step, how = chance.choice(stops), chance.choice(("kill", "kill", "kill", "disconnect", "pause"))
        if how == "pause" and step in IN_A_TRANSACTION:
            how = "kill"
        number = chance.randint(1, 6) if step == "put" else chance.randint(1, len(recipients))
        attempt.stop = (step, chance.choice(("before", "after")), number, how)
    if kind > 0.45:
        for recipient in chance.sample(recipients, chance.randint(1, len(recipients))):
            place, answer = chance.choice(PLACES), chance.choice(answers)
            if place == "at_body" and " " in answer:
                answer = "drop"  # nobody is heard in the middle of a mail
            attempt.faults.append((place, recipient, answer))
        if chance.random() < 0.2:
            attempt.at_connect.append(chance.choice(answers))
    return attempt
