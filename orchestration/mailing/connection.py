"""A connection to the mail server, as safe as `DYNAMICS_SMTP_URL` asks for, or one line that says why not."""

import smtplib
import socket
import ssl

from orchestration.errors import Unavailable
from orchestration.mailing.smtp_url import SmtpUrl

_LINE_LENGTH = 300


def open_connection(url: SmtpUrl, connect_timeout: float, command_timeout: float) -> smtplib.SMTP:
    """A connection that is greeted, encrypted and logged in; time-outs in seconds.

    Certificates are verified against those that this machine trusts. A password goes out in the clear only
    where `starttls=none` says so. Raises Unavailable, which names host and port and repeats no secret.
    """
    try:
        smtp = _connected(url, connect_timeout)
        try:
            if smtp.sock:
                smtp.sock.settimeout(command_timeout)
                # The final dot is a small piece of its own, which would wait 40 ms for the rest to be acknowledged.
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _introduced(smtp, url)
        except BaseException:
            smtp.close()
            raise
    except OSError as error:
        raise Unavailable(
            f"the mail server at {url} cannot be used ({reason(error)}): check DYNAMICS_SMTP_URL, "
            "or unset it to use the local mailbox"
        ) from error
    return smtp


def _connected(url: SmtpUrl, timeout: float) -> smtplib.SMTP:
    if url.security == "smtps":
        return smtplib.SMTP_SSL(url.host, url.port, timeout=timeout, context=_verifying())
    return smtplib.SMTP(url.host, url.port, timeout=timeout)


def _introduced(smtp: smtplib.SMTP, url: SmtpUrl) -> None:
    smtp.ehlo_or_helo_if_needed()
    if url.security == "required" or (url.security == "optional" and smtp.has_extn("starttls")):
        smtp.starttls(context=_verifying())
        smtp.ehlo_or_helo_if_needed()
    elif url.security == "optional" and url.password:
        raise smtplib.SMTPNotSupportedError("it offers no STARTTLS, and a password is not sent in the clear")
    if url.user:
        smtp.login(url.user, url.password)


def _verifying() -> ssl.SSLContext:
    """Only for who needs it: to read the certificates that this machine trusts takes longer than a mail."""
    return ssl.create_default_context()


def reason(error: OSError) -> str:
    """Why it failed. Of a refused login only the code: a server may echo what it was told."""
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"it refuses the login, {error.smtp_code}"
        case smtplib.SMTPResponseException():
            return one_line(error.smtp_error, error.smtp_code)
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case _:
            return one_line(error.strerror or str(error) or type(error).__name__)


def one_line(text: str | bytes, code: int | None = None) -> str:
    """A server's words (UTF-8, whatever they hold) as one line to show and keep: printable, at most 300 characters."""
    words = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    printable = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(f"{code or ''} {printable}".split())[:_LINE_LENGTH]
