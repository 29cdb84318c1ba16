"""A worker in a process of its own, for tests that kill it: `killable_worker.py DATABASE_URL SMTP_URL STALL`.

It sends what is due. STALL is where it stops for ever, and says so: `building` the mail, or when the server
has `replied` and nothing is recorded yet.
"""

import sys
import time
from datetime import UTC, datetime
from email.headerregistry import Address

from orchestration.database import connect
from orchestration.mailing.deliver import send_pending
from orchestration.mailing.message import compose
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport

SENDER = Address("Customer Dynamics", "reports", "example.com")
DATABASE_URL, SMTP_URL, STALL = sys.argv[1:] if __name__ == "__main__" else ("", "", "")


def build(delivery, max_size):
    stall("building")
    return compose(
        sender=SENDER,
        subject=delivery.snapshot_id,
        to=[delivery.recipient],
        text="the numbers",
        html="<p>the numbers",
        message_id=delivery.message_id,
        date=datetime(2018, 12, 31, tzinfo=UTC),
    )


def stall(step):
    if step == STALL:
        print(step, flush=True)  # noqa: T201 - the test waits for it
        time.sleep(60)


class StallingTransport(Transport):
    def send(self, message, sender, recipient):
        outcome = super().send(message, sender, recipient)
        stall("replied")
        return outcome


if __name__ == "__main__":
    with connect(DATABASE_URL) as connection, StallingTransport(SmtpUrl.parse(SMTP_URL)) as transport:
        send_pending(connection, transport, build, sender=SENDER)
