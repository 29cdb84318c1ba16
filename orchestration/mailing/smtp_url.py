"""The URL of the mail server, as `DYNAMICS_SMTP_URL` gives it."""

from dataclasses import dataclass, field
from typing import Literal, Self, cast
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from orchestration.errors import RequestError

Security = Literal["smtps", "required", "optional", "none"]

_FORM = "smtp://user:password@host:587?starttls=required|optional|none or smtps://user:password@host:465"


@dataclass(frozen=True, slots=True)
class SmtpUrl:
    """A mail server, and how the connection to it is encrypted.

    `security` is `smtps` (TLS from the first byte) or the use of STARTTLS: always (`required`), if
    the server offers it (`optional`), or never (`none`). The default is `required` with a password
    and `optional` without one.
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
        """Parse a URL. Raise RequestError, which does not repeat the URL with its password."""
        try:
            return cls(*_parse_parts(urlsplit(text.strip())))
        except ValueError:
            raise RequestError(
                f"DYNAMICS_SMTP_URL must look like {_FORM} (in user and password %40 stands for @, %2F for /, %23 for #)"
            ) from None


def _parse_parts(parts: SplitResult) -> tuple[str, int, Security, str, str]:
    user, password = (unquote(part or "", errors="strict") for part in (parts.username, parts.password))
    if not (user + password).isascii():  # the SMTP login allows ASCII only
        raise ValueError
    security = _parse_security(parts, has_password=bool(password))
    return _parse_host(parts), parts.port or (465 if security == "smtps" else 25), security, user, password


def _parse_host(parts: SplitResult) -> str:
    host = parts.hostname or ""
    # A path or a fragment is usually the rest of a password with an unescaped / or #.
    if not host or parts.path.strip("/") or parts.fragment or any(sign in host for sign in " ,%"):
        raise ValueError
    return host.encode("idna").decode()


def _parse_security(parts: SplitResult, *, has_password: bool) -> Security:
    options = dict(parse_qsl(parts.query, strict_parsing=True)) if parts.query else {}
    mode = options.pop("starttls", "required" if has_password else "optional")
    if parts.scheme == "smtps" and not parts.query:
        mode = "smtps"
    elif parts.scheme != "smtp" or options or mode not in ("required", "optional", "none"):
        raise ValueError
    return cast("Security", mode)
