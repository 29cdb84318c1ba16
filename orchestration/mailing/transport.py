"""SMTP transport: sends a mail to one recipient and returns the exact outcome.

The class drives each SMTP step itself, because the meaning of a failure depends on the step. Before
the final dot of the body, the server has accepted nothing, and another attempt is safe. After the
final dot, only the server's reply tells. Without a reply the outcome is unknown.
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
from orchestration.mailing.connection import describe_error, open_connection, to_one_line
from orchestration.mailing.smtp_url import SmtpUrl

_CHUNK = 64 * 1024
"""Bytes of the body under one timeout, so that a large file on a slow line does not time out."""

_CLOSING = 421
"""The server closes the connection after this reply (RFC 5321, 3.8)."""


class Result(StrEnum):
    """The result of sending a mail to one recipient."""

    SENT = "sent"
    REFUSED = "refused"
    """Refused permanently (5xx)."""
    TRY_LATER = "try_later"
    """Not accepted: a 4xx reply, or a lost connection before the end of the body."""
    UNKNOWN = "unknown"
    """The whole body was sent, and no reply came."""


class Outcome(NamedTuple):
    """A result, and the server's reply or our own reason in one line."""

    result: Result
    reply: str


class Transport:
    """A connection to the mail server, for all mails of a `with` block. It opens at the first use.

    Timeouts are in seconds: for the connection, for each command and piece of the body, and for the
    reply to the body. RFC 5321 (4.5.3.2.6) requires ten minutes for that reply, because a sender
    that gives up early sends duplicates.
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
            with contextlib.suppress(OSError):  # every mail is already answered
                self._set_timeout(self._connect_timeout)
                self._smtp.quit()
        self._close()

    def connect(self) -> smtplib.SMTP:
        """Return the connection, opened if necessary. Raise Unavailable: nothing was sent then."""
        if self._smtp is None:
            self._smtp = open_connection(self._url, self._connect_timeout, self._command_timeout)
        return self._smtp

    @property
    def max_size(self) -> int | None:
        """The largest mail in bytes that the server accepts, or None. Opens the connection."""
        size = self.connect().esmtp_features.get("size", "")
        return int(size) or None if size.isdecimal() else None

    def send(self, message: EmailMessage, sender: str, recipient: str) -> Outcome:
        """Send `message` to one envelope recipient. A failure is an outcome, never an exception."""
        reused = self._smtp is not None
        try:
            outcome = self._attempt(message, sender, recipient)
            if outcome.result is Result.TRY_LATER and reused and self._smtp is None:
                # The server closed a reused connection. That is no verdict on this mail.
                outcome = self._attempt(message, sender, recipient)
        except Unavailable as error:
            outcome = Outcome(Result.TRY_LATER, to_one_line(str(error)))
        return outcome

    def _attempt(self, message: EmailMessage, sender: str, recipient: str) -> Outcome:
        smtp = self.connect()
        headers = (str(message[name]) for name in ("From", "To", "Cc") if name in message)
        international = not "".join((sender, recipient, *headers)).isascii()
        if international and not smtp.has_extn("smtputf8"):
            return Outcome(
                Result.REFUSED, "the server accepts only ASCII addresses (it does not offer SMTPUTF8)"
            )
        body = _encode_for_data(message, utf8=international)
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
                    return self._handle_rejection(smtp, code, text)
            for start in range(0, len(body), _CHUNK):
                smtp.send(body[start : start + _CHUNK])
        except OSError as error:
            self._close()
            return Outcome(
                Result.TRY_LATER,
                to_one_line(f"connection lost before the end of the mail: {describe_error(error)}"),
            )
        return self._finish_body(smtp)

    def _handle_rejection(self, smtp: smtplib.SMTP, code: int, text: bytes) -> Outcome:
        """Return the outcome of a reply before the body. Reset the connection for the next mail."""
        refused = code // 100 == 5  # noqa: PLR2004 - the first digit of a permanent SMTP refusal
        if code == _CLOSING or code // 100 not in (4, 5):
            self._close()
        else:
            try:
                smtp.rset()
            except OSError:
                self._close()
        return Outcome(Result.REFUSED if refused else Result.TRY_LATER, to_one_line(text, code))

    def _finish_body(self, smtp: smtplib.SMTP) -> Outcome:
        """Send the final dot and read the reply. From here the server may have the mail."""
        try:
            smtp.send(b".\r\n")
            self._set_timeout(self._reply_timeout)
            code, text = smtp.getreply()
            self._set_timeout(self._command_timeout)
        except OSError as error:
            self._close()
            return Outcome(Result.UNKNOWN, to_one_line(f"no reply to the mail: {describe_error(error)}"))
        result = {2: Result.SENT, 4: Result.TRY_LATER, 5: Result.REFUSED}.get(code // 100, Result.UNKNOWN)
        if code == _CLOSING or result is Result.UNKNOWN:
            self._close()
        return Outcome(result, to_one_line(text, code))

    def _set_timeout(self, seconds: float) -> None:
        if self._smtp and self._smtp.sock:
            self._smtp.sock.settimeout(seconds)

    def _close(self) -> None:
        if self._smtp:
            self._smtp.close()
        self._smtp = None


def _encode_for_data(message: EmailMessage, *, utf8: bool) -> bytes:
    """Return the bytes of the DATA command, without the final dot.

    Lines end with CRLF, and a dot at the start of a line is doubled.
    """
    content = message.as_bytes(policy=SMTP.clone(cte_type="7bit", utf8=utf8))
    content = content if content.endswith(b"\r\n") else content + b"\r\n"
    return re.sub(rb"(?m)^\.", b"..", content)
