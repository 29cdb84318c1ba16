"""Text that ends up in a mail's envelope or headers: refused here rather than repaired later.

Python's own header code turns an encoded word in a subject into whatever it decodes to, a line break and a
`Bcc` line included. So nothing that looks like one, and nothing that breaks a line, gets that far.
"""

import unicodedata
from email.headerregistry import Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

_BREAKING = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories that end a line or mean something to a terminal: controls, surrogates, separators."""


def safe_header(text: str) -> str:
    """`text`, fit for a mail header. Raises ValueError for control characters, line breaks and encoded words."""
    if any(unicodedata.category(character) in _BREAKING for character in text):
        raise ValueError(f"{_shown(text)} holds a line break or control character: write it on one line")
    if "=?" in text:
        raise ValueError(f"{_shown(text)} holds '=?', which mail programs read as an encoding: leave it out")
    return text


def parse_address(text: str) -> str:
    """The address `text` is, as mail servers compare it: domain in ASCII and lower case.

    A plain `name@domain`: no display name, no list. In-house domains (`localhost`, `.local`, `.test`) are
    as good as others, and nothing is looked up. Raises ValueError with one line that says what is wrong.
    """
    parts = _validated(text, with_name=False)
    return f"{parts.local_part}@{parts.ascii_domain}"


def parse_sender(text: str) -> Address:
    """The sender `Name <name@domain>` or `name@domain`. Raises ValueError as `parse_address` does."""
    parts = _validated(text, with_name=True)
    return Address(parts.display_name or "", parts.local_part, parts.ascii_domain)


def _validated(text: str, *, with_name: bool) -> "ValidatedEmail":
    import email_validator

    # In-house mail lives at such names; emptying the list is the library's documented way to allow them.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        return email_validator.validate_email(
            safe_header(text.strip(" ")),
            allow_display_name=with_name,
            check_deliverability=False,
            globally_deliverable=False,
            strict=True,
        )
    except email_validator.EmailNotValidError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        form = "Name <name@domain>" if with_name else "one plain name@domain"
        raise ValueError(f"{_shown(text)} is no mail address ({reason}): write {form}") from None


def _shown(text: str) -> str:
    return repr(text if len(text) <= 100 else f"{text[:100]}…")  # noqa: PLR2004 - enough to recognise it by
