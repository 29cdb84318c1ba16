"""One mail: text and page, the chart inside the page, the files beside it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from email.utils import make_msgid
from typing import cast

from orchestration.errors import RequestError
from orchestration.mailing.address import safe_header

_POLICY = SMTP.clone(cte_type="7bit")
"""Lines end as on the wire, and bodies are ASCII, so that a server without 8BITMIME takes them too."""

_HEADROOM = 64 * 1024
"""Bytes left for headers (500 recipients take 15 KB) and the frames of the parts."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that goes with the mail. `content_type` is `type/subtype`."""

    filename: str
    content_type: str
    content: bytes


def new_message_id(sender: Address) -> str:
    """A Message-ID nobody else has, of the sender's domain."""
    return make_msgid(domain=sender.domain)


def compose(  # noqa: PLR0913 - a mail has that many parts, and each is named at the call
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
    """The mail, ready for the transport: mixed(alternative(text, related(html, chart)), files).

    `to` and `cc` are what every recipient may read; who gets a blind copy is the envelope's business and
    never stands here. `html` shows the chart as `cid:<chart_cid>`. `date` is aware. Raises RequestError
    when a value does not fit a header.
    """
    try:
        message = EmailMessage(_POLICY)
        message["From"] = sender
        message["To"] = _addresses(to) or "undisclosed-recipients:;"
        if cc:
            message["Cc"] = _addresses(cc)
        message["Subject"] = safe_header(subject)
        message["Date"] = date
        message["Message-ID"] = safe_header(message_id)
        message["Auto-Submitted"] = "auto-generated"
        for name, value in (headers or {}).items():
            message[name] = safe_header(value)
        message.set_content(text)
        message.add_alternative(html, subtype="html")
        if inline_png:
            page = cast("list[MIMEPart]", message.get_payload())[1]
            page.add_related(inline_png, "image", "png", cid=f"<{chart_cid}>", disposition="inline")
        for file in attachments:
            maintype, _, subtype = safe_header(file.content_type).partition("/")
            message.add_attachment(file.content, maintype, subtype, filename=safe_header(file.filename))
    except ValueError as error:
        raise RequestError(f"the mail cannot be written: {error}") from error
    return message


def attach_within(
    attachments: Sequence[Attachment], at_most: int, *, max_size: int | None = None, beside: int = 0
) -> tuple[list[Attachment], list[Attachment]]:
    """Which files go with the mail, and which only as the link, that the mail then must say.

    `at_most`: bytes that all files together may take, encoded as they travel. `max_size`: bytes the server
    takes for a whole mail (its SIZE), None when it sets no limit. `beside`: bytes of text, page and chart.
    """
    left = at_most if max_size is None else min(at_most, max_size - _HEADROOM - _encoded(beside))
    fits: list[Attachment] = []
    linked: list[Attachment] = []
    for file in attachments:
        size = _encoded(len(file.content))
        (fits if size <= left else linked).append(file)
        left -= size if size <= left else 0
    return fits, linked


def _encoded(size: int) -> int:
    """The bytes that `size` bytes take in base64: 76 characters and a line end for every 57."""
    return -(-size // 57) * 78


def _addresses(texts: Sequence[str]) -> list[Address]:
    return [Address("", *safe_header(text).rsplit("@", 1)) for text in texts]
