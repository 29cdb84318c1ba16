"""SMTP, one recipient at a time, and the truth about what became of each mail.

The steps of a mail are driven one by one, because what a failure means depends on the step: until the
body's final dot is on its way the server has taken nothing, and to try again is safe; after it only the
server's reply tells, and without one the mail's fate is unknown.
"""

import contextlib
import re
import smtplib
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from functools import partial
from typing import NamedTuple, Self

from orchestration.errors import Unavailable
from orchestration.mailing.connection import one_line, open_connection, reason
from orchestration.mailing.smtp_url import SmtpUrl

_CHUNK = 64 * 1024
"""Bytes of the body that one time-out covers: a big file on a slow line is no hang."""

_CLOSING = 421
"""The server hangs up after this reply (RFC 5321, 3.8)."""


class Result(StrEnum):
    """What became of a mail for one recipient."""

    SENT = "sent"
    REFUSED = "refused"
    """For good (5xx)."""
    TRY_LATER = "try_later"
    """Certainly not taken: 4xx, or no connection before the end of the body."""
    UNKNOWN = "unknown"
    """The whole body may have gone out, and no reply came back."""


class Outcome(NamedTuple):
    """A result, and the server's words for it (ours, when it had none) in one line."""

    result: Result
    reply: str


class Transport:
    """A connection to the mail server, opened when first needed and kept for all mails of a `with` block.

    Time-outs are in seconds: for the connection, for each command and piece of the body, and for the reply
    to the body, where RFC 5321 (4.5.3.2.6) asks for ten minutes because giving up early makes duplicates.
    """

    def __init__(
        self,
        url: SmtpUrl,
        *,
        connect_timeout: float = 10,
        command_timeout: float = 60,
        reply_timeout: float = 600,
    ) -> None:
        self._url = url
        self._connect_timeout = connect_timeout
        self._command_timeout = command_timeout
        self._reply_timeout = reply_timeout
        self._smtp: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if self._smtp and not kind:
            with contextlib.suppress(OSError):  # all that matters was answered before
                self._wait_at_most(self._connect_timeout)
                self._smtp.quit()
        self._close()

    def connect(self) -> smtplib.SMTP:
        """The connection, a new one when there is none. Raises Unavailable: nothing was sent then."""
        if self._smtp is None:
            self._smtp = open_connection(self._url, self._connect_timeout, self._command_timeout)
        return self._smtp

    @property
    def max_size(self) -> int | None:
        """Bytes of the largest mail the server takes, None when it names no limit. Connects, as `connect`."""
        size = self.connect().esmtp_features.get("size", "")
        return int(size) or None if size.isdecimal() else None

    def send(self, message: EmailMessage, sender: str, recipient: str) -> Outcome:
        """Sends `message` from one envelope address to one. A failure is an outcome, never an exception."""
        reused = self._smtp is not None
        try:
            outcome = self._attempt(message, sender, recipient)
            if outcome.result is Result.TRY_LATER and reused and self._smtp is None:
                # Servers hang up on idle lines, or after so many mails: that says nothing about this one.
                outcome = self._attempt(message, sender, recipient)
        except Unavailable as error:
            outcome = Outcome(Result.TRY_LATER, one_line(str(error)))
        return outcome

    def _attempt(self, message: EmailMessage, sender: str, recipient: str) -> Outcome:
        smtp = self.connect()
        shown = (str(message[name]) for name in ("From", "To", "Cc") if name in message)
        international = not "".join((sender, recipient, *shown)).isascii()
        if international and not smtp.has_extn("smtputf8"):
            return Outcome(
                Result.REFUSED, "the server takes no addresses beyond ASCII (it offers no SMTPUTF8)"
            )
        body = _on_the_wire(message, utf8=international)
        options = [f"size={len(body)}"] if smtp.has_extn("size") else []
        options += ["SMTPUTF8", "BODY=8BITMIME"] if international else []
        steps = (
            (2, partial(smtp.mail, sender, options)),
            (2, partial(smtp.rcpt, recipient)),
            (3, partial(smtp.docmd, "DATA")),
        )
        try:
            for expected, step in steps:
                code, text = step()
                if code // 100 != expected:
                    return self._declined(smtp, code, text)
            for start in range(0, len(body), _CHUNK):
                smtp.send(body[start : start + _CHUNK])
        except OSError as error:
            self._close()
            return Outcome(
                Result.TRY_LATER, one_line(f"connection lost before the end of the mail: {reason(error)}")
            )
        return self._finished(smtp)

    def _declined(self, smtp: smtplib.SMTP, code: int, text: bytes) -> Outcome:
        """The outcome of a reply that came before the body; the connection is made ready for the next mail."""
        refused = code // 100 == 5  # noqa: PLR2004 - the first digit of an SMTP reply that is final
        if code == _CLOSING or code // 100 not in (4, 5):
            self._close()
        else:
            try:
                smtp.rset()
            except OSError:
                self._close()
        return Outcome(Result.REFUSED if refused else Result.TRY_LATER, one_line(text, code))

    def _finished(self, smtp: smtplib.SMTP) -> Outcome:
        """Ends the body. From here on a failure does not mean any more that nothing was taken."""
        try:
            smtp.send(b".\r\n")
            self._wait_at_most(self._reply_timeout)
            code, text = smtp.getreply()
            self._wait_at_most(self._command_timeout)
        except OSError as error:
            self._close()
            return Outcome(Result.UNKNOWN, one_line(f"no reply to the mail: {reason(error)}"))
        result = {2: Result.SENT, 4: Result.TRY_LATER, 5: Result.REFUSED}.get(code // 100, Result.UNKNOWN)
        if code == _CLOSING or result is Result.UNKNOWN:
            self._close()
        return Outcome(result, one_line(text, code))

    def _wait_at_most(self, seconds: float) -> None:
        if self._smtp and self._smtp.sock:
            self._smtp.sock.settimeout(seconds)

    def _close(self) -> None:
        if self._smtp:
            self._smtp.close()
        self._smtp = None


def _on_the_wire(message: EmailMessage, *, utf8: bool) -> bytes:
    """The mail as DATA carries it, without the final dot: CRLF only, and a dot that begins a line doubled."""
    lines = message.as_bytes(policy=SMTP.clone(cte_type="7bit", utf8=utf8))
    whole = lines if lines.endswith(b"\r\n") else lines + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", whole)
