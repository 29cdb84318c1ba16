"""A worker process for tests that kill it: `killable_worker.py DATABASE_URL SMTP_URL STEP`.

It sends the mails that are due. At STEP it prints the step and waits until it is killed. STEP is
`building` (it builds the mail) or `replied` (the server has replied, and nothing is recorded yet).
"""

import signal
import sys
from datetime import UTC, datetime
from email.headerregistry import Address

from orchestration.db.database import connect
from orchestration.mailing.message import compose
from orchestration.mailing.send import send_pending
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Transport

SENDER = Address("Customer Dynamics", "reports", "example.com")
DATABASE_URL, SMTP_URL, STEP = sys.argv[1:] if __name__ == "__main__" else ("", "", "")


def build(record, max_size):
    stop_at("building")
    return compose(
        sender=SENDER,
        subject=record.snapshot_id,
        to=[record.recipient],
        text="the numbers",
        html="<p>the numbers",
        message_id=record.message_id,
        date=datetime(2018, 12, 31, tzinfo=UTC),
    )


def stop_at(step):
    if step == STEP:
        print(step, flush=True)  # noqa: T201 - the test waits for this line
        signal.pause()


class StoppingTransport(Transport):
    def send(self, message, sender, recipient):
        outcome = super().send(message, sender, recipient)
        stop_at("replied")
        return outcome


if __name__ == "__main__":
    with connect(DATABASE_URL) as connection, StoppingTransport(SmtpUrl.parse(SMTP_URL)) as transport:
        send_pending(connection, transport, build, sender=SENDER)
