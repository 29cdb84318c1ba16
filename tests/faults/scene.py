"""Where faults happen: a mail server that fails on request, workers, and what is left of each occurrence afterwards."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import psycopg
from mail_servers import Mailbox, Server

from orchestration.mailing import outbox

OF_OCCURRENCE = "occurrence_id in (select occurrence_id from dynamics.occurrences where scheduled_at = %s)"


@dataclass
class Order:
    """What one worker is told: the occurrence, its recipients, and `(step, before|after, number, how)` of its end."""

    moment: str
    recipients: list
    stop: tuple | None = None


@dataclass
class Ending:
    """What became of one schedule of faults: the state of each recipient, and to whom it was sent once more on purpose."""

    fate: object
    record: dict
    resent: list


@dataclass
class Scene:
    """One mail server, and workers that come to it. How they live and die is the subclass's."""

    database_url: str
    server: Server = field(default_factory=Server)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.ledger.close()

    @cached_property
    def ledger(self):
        """A connection of the test's own."""
        return psycopg.connect(self.database_url, autocommit=True)

    def reconnect(self):
        """After a restart of Postgres."""
        self.ledger.close()
        del self.ledger

    def run(self, order, *, beside=None, meanwhile=None):
        """Runs a worker to its end, another `beside` it; `meanwhile` is called when it pauses."""
        raise NotImplementedError

    @property
    def mailbox(self) -> Mailbox:
        return self.server.mailbox

    def suffer(self, fate):
        """The whole schedule of faults, and clean attempts until nothing is due."""
        order = Order(fate.moment, fate.recipients)
        for attempt in fate.attempts:
            self.mailbox.no_faults()
            for place, recipient, fault in attempt.faults:
                getattr(self.mailbox, place)[recipient] = fault
            self.mailbox.at_connect.extend(attempt.at_connect)
            self.run(
                Order(fate.moment, fate.recipients, attempt.stop),
                beside=order if attempt.two_at_once else None,
                meanwhile=lambda: (self.time_passes(fate.moment), self.run(order)),
            )
            if attempt.time_passes:
                self.time_passes(fate.moment)
        record = self.finish(order)
        unknown = [recipient for recipient, state in record.items() if state == "unknown"]
        resent = unknown[:1] if fate.resend else []
        for recipient in resent:
            self.resend(fate.moment, recipient)
            record = self.finish(order)
        return Ending(fate, record, resent)

    def finish(self, order):
        """Clean workers, with time between them, until nothing is due any more: the state of each recipient."""
        self.mailbox.no_faults()
        for _ in range(4):
            self.time_passes(order.moment)
            self.run(order)
            record = self.record(order.moment)
            if record and not set(record.values()) & {"queued", "sending"}:
                return record
        raise AssertionError(f"never done: {record}")

    def time_passes(self, moment):
        """All waits and leases of an occurrence end."""
        self.execute(
            "update dynamics.deliveries set not_before = now(), leased_until = case when leased_until is not null"
            f" then now() - interval '1 second' end where state in ('queued', 'sending') and {OF_OCCURRENCE}",
            moment,
        )

    def record(self, moment):
        """What the ledger says of each recipient."""
        return dict(
            self.execute(f"select recipient, state from dynamics.deliveries where {OF_OCCURRENCE}", moment)
        )

    def resend(self, moment, recipient):
        """Somebody sends a mail again on purpose."""
        ((number,),) = self.execute(
            f"select delivery_id from dynamics.deliveries where {OF_OCCURRENCE} and recipient = %s",
            moment,
            recipient,
        )
        outbox.resend(self.ledger, number)

    def execute(self, statement, *values):
        cursor = self.ledger.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def require_truth(endings, taken):
    """The mailbox is counted: nobody has two copies whom nobody sent two, and the record never says more than is so."""
    copies, states = Counter(taken), Counter()
    for ending in endings:
        assert set(ending.record) == set(ending.fate.recipients), ending
        for recipient, state in ending.record.items():
            states[state] += 1
            allowed = {"sent": {1}, "unknown": {0, 1}, "failed": {0}}[state]
            if recipient in ending.resent:  # it was unknown: the first copy had come, or not
                allowed = {"sent": {1, 2}}[state]
            assert copies.pop(recipient, 0) in allowed, (recipient, state, ending)
    assert not copies, "mails of nobody"
    return states
