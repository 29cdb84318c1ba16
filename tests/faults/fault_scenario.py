"""Fault scenarios: a mail server with faults, workers, and the check of the mails at the end."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property

import psycopg
from mail_servers import Mailbox, MailServer

from orchestration.mailing import outbox

OF_OCCURRENCE = "occurrence_id in (select occurrence_id from dynamics.occurrences where scheduled_at = %s)"


@dataclass
class WorkerOrder:
    """The delivery of one worker, and where the worker stops."""

    moment: str
    recipients: list
    stop: tuple | None = None
    """`(step, "before" or "after", number, how)`."""


@dataclass
class ScheduleResult:
    """The result of one fault schedule."""

    schedule: object
    states: dict
    """The state of each recipient's mail."""
    resent: list
    """The recipients whose mail a user sent again."""


@dataclass
class FaultScenario:
    """A mail server and workers that deliver to it. A subclass runs the workers."""

    database_url: str
    server: MailServer = field(default_factory=MailServer)

    def __enter__(self):
        self.server.start()
        return self

    def __exit__(self, *_):
        self.server.stop()
        self.connection.close()

    @cached_property
    def connection(self):
        """The database connection of the test itself."""
        return psycopg.connect(self.database_url, autocommit=True)

    def reconnect(self):
        """Open a new connection after a restart of Postgres."""
        self.connection.close()
        del self.connection

    def run(self, order, *, second=None, while_paused=None):
        """Run a worker to its end. Run the order `second` at the same time.

        Call `while_paused` when the worker pauses.
        """
        raise NotImplementedError

    @property
    def mailbox(self) -> Mailbox:
        return self.server.mailbox

    def run_schedule(self, schedule):
        """Run all faulty attempts of a schedule, and then clean attempts until no mail is due."""
        order = WorkerOrder(schedule.moment, schedule.recipients)
        for attempt in schedule.attempts:
            self.mailbox.clear_faults()
            for smtp_step, recipient, fault in attempt.faults:
                getattr(self.mailbox, smtp_step)[recipient] = fault
            self.mailbox.at_connect.extend(attempt.at_connect)
            self.run(
                WorkerOrder(schedule.moment, schedule.recipients, attempt.stop),
                second=order if attempt.two_workers else None,
                while_paused=lambda: (self.let_time_pass(schedule.moment), self.run(order)),
            )
            if attempt.time_passes:
                self.let_time_pass(schedule.moment)
        states = self.finish(order)
        unknown = [recipient for recipient, state in states.items() if state == "unknown"]
        resent = unknown[:1] if schedule.resend else []
        for recipient in resent:
            self.resend(schedule.moment, recipient)
            states = self.finish(order)
        return ScheduleResult(schedule, states, resent)

    def finish(self, order):
        """Run workers without faults until no mail is due, and return the state of each mail."""
        self.mailbox.clear_faults()
        for _ in range(4):
            self.let_time_pass(order.moment)
            self.run(order)
            states = self.load_states(order.moment)
            if states and not set(states.values()) & {"queued", "sending"}:
                return states
        raise AssertionError(f"mails are still due: {states}")

    def let_time_pass(self, moment):
        """End all waits and leases of an occurrence."""
        self.execute(
            "update dynamics.deliveries set not_before = now(), leased_until = case when leased_until is not null"
            f" then now() - interval '1 second' end where state in ('queued', 'sending') and {OF_OCCURRENCE}",
            moment,
        )

    def load_states(self, moment):
        """Return the recorded state of each recipient's mail."""
        return dict(
            self.execute(f"select recipient, state from dynamics.deliveries where {OF_OCCURRENCE}", moment)
        )

    def resend(self, moment, recipient):
        """Queue a mail again, as `dynamics deliveries resend` does."""
        ((number,),) = self.execute(
            f"select delivery_id from dynamics.deliveries where {OF_OCCURRENCE} and recipient = %s",
            moment,
            recipient,
        )
        outbox.resend(self.connection, number)

    def execute(self, statement, *values):
        cursor = self.connection.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def check_results(results, accepted):
    """Compare the mailbox with the recorded states, and return how many mails have each state.

    No recipient has two copies unless a user resent the mail. A state never claims more than the
    mailbox shows.
    """
    copies, states = Counter(accepted), Counter()
    for result in results:
        assert set(result.states) == set(result.schedule.recipients), result
        for recipient, state in result.states.items():
            states[state] += 1
            allowed = {"sent": {1}, "unknown": {0, 1}, "failed": {0}}[state]
            if recipient in result.resent:  # the first copy, which was unknown, may have arrived
                allowed = {"sent": {1, 2}}[state]
            assert copies.pop(recipient, 0) in allowed, (recipient, state, result)
    assert not copies, "mails without a record"
    return states
