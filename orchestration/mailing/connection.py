"""The connection to the mail server that `DYNAMICS_SMTP_URL` names."""

import smtplib
import socket
import ssl

from orchestration.errors import Unavailable
from orchestration.mailing.smtp_url import SmtpUrl

_MAX_LINE_LENGTH = 300


def open_connection(url: SmtpUrl, connect_timeout: float, command_timeout: float) -> smtplib.SMTP:
    """Open a connection, encrypt it as the URL says, and log in. Timeouts are in seconds.

    Certificates must be trusted by this machine. A password is sent unencrypted only with
    `starttls=none`. Raise Unavailable with host and port, but without the password.
    """
    try:
        smtp = _connect(url, connect_timeout)
        try:
            if smtp.sock:
                smtp.sock.settimeout(command_timeout)
                # Without this option the final dot, a small packet, waits for an acknowledgement.
                smtp.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _encrypt_and_log_in(smtp, url)
        except BaseException:
            smtp.close()
            raise
    except OSError as error:
        raise Unavailable(
            f"the mail server at {url} cannot be used ({describe_error(error)}): check DYNAMICS_SMTP_URL, "
            "or unset it to use the local mailbox"
        ) from error
    return smtp


def _connect(url: SmtpUrl, timeout: float) -> smtplib.SMTP:
    if url.security == "smtps":
        return smtplib.SMTP_SSL(url.host, url.port, timeout=timeout, context=_create_tls_context())
    return smtplib.SMTP(url.host, url.port, timeout=timeout)


def _encrypt_and_log_in(smtp: smtplib.SMTP, url: SmtpUrl) -> None:
    smtp.ehlo_or_helo_if_needed()
    if url.security == "required" or (url.security == "optional" and smtp.has_extn("starttls")):
        smtp.starttls(context=_create_tls_context())
        smtp.ehlo_or_helo_if_needed()
    elif url.security == "optional" and url.password:
        raise smtplib.SMTPNotSupportedError(
            "it does not offer STARTTLS, and a password is not sent unencrypted"
        )
    if url.user:
        smtp.login(url.user, url.password)


def _create_tls_context() -> ssl.SSLContext:
    """Return a context that verifies certificates.

    Create it only for an encrypted connection, because it reads all certificates of this machine.
    """
    return ssl.create_default_context()


def describe_error(error: OSError) -> str:
    """Return why a connection or a command failed, in one line.

    A refused login gives only the code, because the server may repeat the password in its text.
    """
    match error:
        case smtplib.SMTPAuthenticationError():
            return f"it refuses the login, {error.smtp_code}"
        case smtplib.SMTPResponseException():
            return to_one_line(error.smtp_error, error.smtp_code)
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted: {error.verify_message}"
        case _:
            return to_one_line(error.strerror or str(error) or type(error).__name__)


def to_one_line(text: str | bytes, code: int | None = None) -> str:
    """Return a server's reply as one printable line of at most 300 characters.

    Bytes are decoded as UTF-8. Invalid bytes are replaced.
    """
    decoded = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    printable = "".join(character if character.isprintable() else " " for character in decoded)
    return " ".join(f"{code or ''} {printable}".split())[:_MAX_LINE_LENGTH]
