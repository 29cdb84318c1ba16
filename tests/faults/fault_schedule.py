"""Fault schedules: what goes wrong in the attempts at one delivery, drawn from a seed."""

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

FIRST_MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
STEPS = (
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
"""The steps of `worker.STEPS`. A step that occurs twice is drawn twice as often."""
STEPS_IN_A_TRANSACTION = ("record", "queue")
"""A worker that pauses in one of these steps blocks all other workers."""
STEPS_AFTER_THE_SNAPSHOT = STEPS[4:]
SMTP_STEPS = ("at_rcpt", "at_data", "at_body", "after_body", "after_body")
ANSWERS = ("450 4.7.1 later", "421 4.3.2 closing", "550 5.1.1 never", "drop", "kill", "kill", "hang")


@dataclass
class Attempt:
    """One faulty attempt at a delivery."""

    stop: tuple | None = None
    """Where and how the worker stops: `(step, "before" or "after", number, how)`."""
    faults: list = field(default_factory=list)
    """The faults of the mail server: `(step, recipient, answer)`."""
    at_connect: list = field(default_factory=list)
    two_workers: bool = False
    """True if a second worker runs at the same time."""
    time_passes: bool = True
    """True if waits and leases end before the next attempt."""


@dataclass
class FaultSchedule:
    """One to four faulty attempts at one delivery. All attempts after them succeed."""

    seed: int
    moment: str
    recipients: list
    attempts: list
    resend: bool
    """True if a user resends a mail that is `unknown` at the end."""


def draw_schedule(seed, steps=STEPS, answers=ANSWERS):
    """Draw the schedule of a seed. Workers stop at `steps`, and the mail server gives `answers`."""
    random_source = random.Random(seed)
    recipients = [f"r{number}@s{seed}.example.com" for number in range(random_source.randint(1, 3))]
    return FaultSchedule(
        seed,
        (FIRST_MOMENT + timedelta(hours=seed)).isoformat(),
        recipients,
        [
            _draw_attempt(random_source, recipients, steps, answers)
            for _ in range(random_source.choice((1, 1, 2, 2, 3, 4)))
        ],
        random_source.random() < 0.2,
    )


def _draw_attempt(random_source, recipients, steps, answers):
    attempt = Attempt(two_workers=random_source.random() < 0.15, time_passes=random_source.random() < 0.75)
    kind = random_source.random()
    if kind < 0.6:
        step = random_source.choice(steps)
        how = random_source.choice(("kill", "kill", "kill", "disconnect", "pause"))
        if how == "pause" and step in STEPS_IN_A_TRANSACTION:
            how = "kill"
        number = random_source.randint(1, 6 if step == "put" else len(recipients))
        attempt.stop = (step, random_source.choice(("before", "after")), number, how)
    if kind > 0.45:
        for recipient in random_source.sample(recipients, random_source.randint(1, len(recipients))):
            smtp_step, answer = random_source.choice(SMTP_STEPS), random_source.choice(answers)
            if smtp_step == "at_body" and " " in answer:
                answer = "drop"  # a server cannot reply in the middle of the body
            attempt.faults.append((smtp_step, recipient, answer))
        if random_source.random() < 0.2:
            attempt.at_connect.append(random_source.choice(answers))
    return attempt
