"""Checks of the text that goes into the envelope or the headers of a mail.

Python's header code decodes an encoded word in a subject. The decoded text can hold a line break
and a `Bcc` line. So these functions refuse encoded words and line breaks.
"""

import unicodedata
from email.headerregistry import Address
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from email_validator import ValidatedEmail

_FORBIDDEN_CATEGORIES = {"Cc", "Cs", "Zl", "Zp"}
"""Unicode categories of control characters, surrogates, and line and paragraph separators."""
_MAX_QUOTED_LENGTH = 100


def check_header(text: str) -> str:
    """Return `text` if it is safe in a mail header.

    Raise ValueError for control characters, line breaks and encoded words.
    """
    if any(unicodedata.category(character) in _FORBIDDEN_CATEGORIES for character in text):
        raise ValueError(f"{_abbreviate(text)} has a line break or control character: write it on one line")
    if "=?" in text:
        raise ValueError(f"{_abbreviate(text)} has '=?', which mail programs read as an encoding: remove it")
    return text


def parse_address(text: str) -> str:
    """Return the mail address in `text`, with its domain in ASCII and lower case.

    The text must be one plain `name@domain`, without a display name. In-house domains such as
    `localhost`, `.local` and `.test` are valid. No DNS query is made. Raise ValueError with one
    line that says what is wrong.
    """
    parts = _validate(text, with_name=False)
    return f"{parts.local_part}@{parts.ascii_domain}"


def parse_sender(text: str) -> Address:
    """Return the sender in `text`: `Name <name@domain>` or `name@domain`.

    Raise ValueError as `parse_address` does.
    """
    parts = _validate(text, with_name=True)
    return Address(parts.display_name or "", parts.local_part, parts.ascii_domain)


def _validate(text: str, *, with_name: bool) -> "ValidatedEmail":
    import email_validator

    # The library refuses in-house domains. Its documentation says to empty this list to allow them.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    try:
        return email_validator.validate_email(
            check_header(text.strip(" ")),
            allow_display_name=with_name,
            check_deliverability=False,
            globally_deliverable=False,
            strict=True,
        )
    except email_validator.EmailNotValidError as error:
        reason = " ".join(str(error).split()).rstrip(".")
        form = "Name <name@domain>" if with_name else "one plain name@domain"
        raise ValueError(
            f"{_abbreviate(text)} is not a valid mail address ({reason}): write {form}"
        ) from None


def _abbreviate(text: str) -> str:
    return repr(text if len(text) <= _MAX_QUOTED_LENGTH else f"{text[:_MAX_QUOTED_LENGTH]}…")
