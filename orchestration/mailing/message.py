"""The message of a report mail: text, HTML with the chart, and attached files."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import make_msgid
from typing import cast

from orchestration.errors import RequestError
from orchestration.mailing.address import check_header

_POLICY = SMTP.clone(cte_type="7bit")
"""CRLF line ends and ASCII bodies. Servers without 8BITMIME accept them too."""

_RESERVED_BYTES = 64 * 1024
"""Bytes that are reserved for headers with many recipients and for the frames of the parts."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is attached to a mail. `content_type` is `type/subtype`."""

    filename: str
    content_type: str
    content: bytes


def new_message_id(sender: Address) -> str:
    """Create a unique Message-ID in the sender's domain."""
    return make_msgid(domain=sender.domain)


def compose(  # noqa: PLR0913 - a mail has that many parts, and calls name each of them
    *,
    sender: Address,
    subject: str,
    to: Sequence[str],
    cc: Sequence[str] = (),
    text: str,
    html: str,
    attachments: Sequence[Attachment] = (),
    inline_png: bytes | None = None,
    chart_cid: str = "chart",
    message_id: str,
    date: datetime,
    headers: Mapping[str, str] | None = None,
) -> EmailMessage:
    """Compose a mail: mixed(alternative(text, related(html, chart)), files).

    `to` and `cc` are the visible recipients. Blind copies are in the envelope only. `html` shows
    the chart as `cid:<chart_cid>`. `date` has a time zone. Raise RequestError if a value is not
    allowed in a header.
    """
    try:
        message = EmailMessage(_POLICY)
        message["From"] = sender
        message["To"] = _parse_addresses(to) or "undisclosed-recipients:;"
        if cc:
            message["Cc"] = _parse_addresses(cc)
        message["Subject"] = check_header(subject)
        message["Date"] = date
        message["Message-ID"] = check_header(message_id)
        message["Auto-Submitted"] = "auto-generated"
        for name, value in (headers or {}).items():
            message[name] = check_header(value)
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        if inline_png:
            page = cast("list[MIMEPart]", message.get_payload())[1]
            page.add_related(inline_png, "image", "png", cid=f"<{chart_cid}>", disposition="inline")
        for file in attachments:
            maintype, _, subtype = check_header(file.content_type).partition("/")
            message.add_attachment(file.content, maintype, subtype, filename=check_header(file.filename))
    except ValueError as error:
        raise RequestError(f"the mail cannot be composed: {error}") from error
    return message


def split_attachments(
    attachments: Sequence[Attachment],
    max_bytes: int,
    *,
    max_message_size: int | None = None,
    body_bytes: int = 0,
) -> tuple[list[Attachment], list[Attachment]]:
    """Return the files that fit into the mail, and the files that it can only link to.

    `max_bytes` limits all files together, as they are encoded in the mail. `max_message_size` is
    the server's limit for a whole mail (SIZE), or None. `body_bytes` is the size of the text, the
    HTML and the chart.
    """
    remaining = max_bytes
    if max_message_size is not None:
        remaining = min(max_bytes, max_message_size - _RESERVED_BYTES - _encoded_size(body_bytes))
    attached: list[Attachment] = []
    linked: list[Attachment] = []
    for file in attachments:
        size = _encoded_size(len(file.content))
        if size <= remaining:
            attached.append(file)
            remaining -= size
        else:
            linked.append(file)
    return attached, linked


def _encoded_size(size: int) -> int:
    """Return the bytes that `size` bytes take in base64: 57 bytes become 76 and a line end."""
    return -(-size // 57) * 78


def _parse_addresses(texts: Sequence[str]) -> list[Address]:
    return [Address("", *check_header(text).rsplit("@", 1)) for text in texts]
