"""The states of a mail, the headers of a recipient and the purposes of an occurrence."""

from typing import Literal, NewType, get_args

OccurrenceId = NewType("OccurrenceId", int)

Purpose = Literal["delivery", "test", "query"]
"""Why a report is mailed.

`delivery` is a scheduled moment, which is mailed once. `test` is a test send to given addresses.
`query` is a report that somebody requested and mailed.
"""

Header = Literal["to", "cc", "bcc"]
"""The header that lists a recipient. A `bcc` recipient is in no header."""

MailState = Literal["queued", "sending", "sent", "failed", "unknown", "skipped"]
MAIL_STATES: tuple[MailState, ...] = get_args(MailState)
