"""Where the mail server is and how to talk to it: `DYNAMICS_SMTP_URL`."""

from dataclasses import dataclass, field
from typing import Literal, Self, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from orchestration.errors import RequestError

Security = Literal["smtps", "required", "optional", "none"]

_FORM = "smtp://user:password@host:587?starttls=required|optional|none or smtps://user:password@host:465"


@dataclass(frozen=True, slots=True)
class SmtpUrl:
    """A mail server, and when TLS begins there.

    `security`: with the first byte (`smtps`), or by STARTTLS: always (`required`), where the server offers
    it (`optional`), never (`none`). Left out it is `required` when there is a password, else `optional`.
    """

    host: str
    port: int
    security: Security
    user: str = ""
    password: str = field(default="", repr=False)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """The server that `text` names. Raises RequestError, which never repeats what may be a password."""
        try:
            return cls(*_read(urlsplit(text.strip())))
        except ValueError:
            raise RequestError(
                f"DYNAMICS_SMTP_URL must look like {_FORM} (in user and password %40 stands for @, %2F for /, %23 for #)"
            ) from None


def _read(parts: SplitResult) -> tuple[str, int, Security, str, str]:
    user, password = (unquote(part or "", errors="strict") for part in (parts.username, parts.password))
    if not (user + password).isascii():  # the login of SMTP knows no other letters
        raise ValueError
    security = _security(parts, secret=bool(password))
    return _host(parts), parts.port or (465 if security == "smtps" else 25), security, user, password


def _host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    # A path or a fragment is mostly the rest of a password with a bare / or # in it.
    if not host or parts.path.strip("/") or parts.fragment or any(sign in host for sign in " ,%"):
        raise ValueError
    return host.encode("idna").decode()


def _security(parts: SplitResult, *, secret: bool) -> Security:
    asked = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    mode = asked.pop("starttls", "required" if secret else "optional")
    if parts.scheme == "smtps" and not parts.query:
        mode = "smtps"
    elif parts.scheme != "smtp" or asked or mode not in ("required", "optional", "none"):
        raise ValueError
    return cast("Security", mode)
