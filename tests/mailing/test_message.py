"""Composed mails, as a mail program reads them."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from typing import Any

import pytest

from orchestration.errors import RequestError
from orchestration.mailing.message import Attachment, compose, new_message_id, split_attachments

SENDER = Address("Customer Dynamics", "reports", "example.com")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
XLSX = Attachment(
    "Звіт 2018.xlsx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"PK\x03\x04" + b"\n.\n" * 90,
)
CSV = Attachment("report.csv", "text/csv", "\ufeffSection,Metric\r\n.\r\n".encode())


def mail(**changes):
    parts: dict[str, Any] = {
        "sender": SENDER,
        "subject": "Звіт 📈: last 12 months",
        "to": ["finance@example.com", "board@example.com"],
        "cc": ["audit@example.com"],
        "text": "Звіт, Balance Refill\n.\n..end",
        "html": '<p>Звіт <img src="cid:chart">' + "x" * 3000,
        "attachments": [XLSX, CSV],
        "inline_png": PNG,
        "message_id": "<1@example.com>",
        "date": datetime(2018, 12, 31, 7, tzinfo=UTC),
        "headers": {"X-Dynamics-Snapshot": "abc"},
    }
    return compose(**(parts | changes))


def read(message):
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def test_headers_of_a_mail():
    message = read(mail())
    mime_headers = ("Content-Type", "MIME-Version")
    assert {name: str(value) for name, value in message.items() if name not in mime_headers} == {
        "From": "Customer Dynamics <reports@example.com>",
        "To": "finance@example.com, board@example.com",
        "Cc": "audit@example.com",
        "Subject": "Звіт 📈: last 12 months",
        "Date": "Mon, 31 Dec 2018 07:00:00 +0000",
        "Message-ID": "<1@example.com>",
        "Auto-Submitted": "auto-generated",
        "X-Dynamics-Snapshot": "abc",
    }
    assert not message.defects


def test_the_parts_of_a_mail():
    message = read(mail())
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/png",
        XLSX.content_type,
        "text/csv",
    ]
    text, page = message.get_body(("plain",)), message.get_body(("html",))
    assert text.get_content().splitlines() == ["Звіт, Balance Refill", ".", "..end"]
    assert page.get_content().startswith('<p>Звіт <img src="cid:chart">xxx')
    chart = next(part for part in message.walk() if part.get_content_type() == "image/png")
    assert (chart["Content-ID"], chart.get_content_disposition()) == ("<chart>", "inline")
    assert chart.get_content() == PNG
    files = {part.get_filename(): part.get_payload(decode=True) for part in message.iter_attachments()}
    assert files == {XLSX.filename: XLSX.content, CSV.filename: CSV.content}


def test_the_parts_without_chart_and_files():
    message = read(mail(attachments=[], inline_png=None, cc=[]))
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert message["Cc"] is None


def test_every_line_is_short_ascii_with_crlf():
    """A server could refuse or cut other lines, or read them as the end of the mail."""
    wire = mail(text="a\rb\nc" + "я" * 2000).as_bytes()
    assert wire.isascii()
    assert max(len(line) for line in wire.split(b"\r\n")) <= 998
    assert b"\r" not in wire.replace(b"\r\n", b"")
    assert b"\n" not in wire.replace(b"\r\n", b"")


def test_only_blind_copies_have_undisclosed_recipients():
    message = read(mail(to=[], cc=[]))
    assert str(message["To"]) == "undisclosed-recipients:;"


@pytest.mark.parametrize(
    "hostile",
    [
        {"subject": "A 💩 =?UTF-8?Q?=0A?=Bcc: x@y.example"},
        {"subject": "a\nBcc: x@y.example"},
        {"headers": {"X-Dynamics-Snapshot": "a\r\nBcc: x@y.example"}},
        {"attachments": [Attachment("a.csv\r\nBcc: x@y.example", "text/csv", b"")]},
        {"attachments": [Attachment("a.csv", "text/csv\r\nBcc: x@y.example", b"")]},
        {"message_id": "<1@example.com>\nBcc: x@y.example"},
        {"to": ["a@example.com\nBcc: x@y.example"]},
        {"cc": ["=?UTF-8?Q?=0A?=Bcc: x@y.example"]},
        {"text": "half a character: \ud83d"},
    ],
)
def test_header_injection_is_refused(hostile):
    with pytest.raises(RequestError) as refusal:
        mail(**hostile)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_comma_does_not_split_an_address():
    message = read(mail(to=["a@example.com, x@y.example"]))
    assert [address.addr_spec for address in message["To"].addresses] == ['"a@example.com, x"@y.example']


def test_a_message_id_is_unique_in_the_senders_domain():
    first, second = new_message_id(SENDER), new_message_id(SENDER)
    assert first != second
    assert first.startswith("<")
    assert first.endswith("@example.com>")


def file(name, size):
    return Attachment(name, "application/octet-stream", b"\xff" * size)


def names(files):
    return [file.filename for file in files]


def test_files_are_attached_if_their_encoded_size_fits():
    big, small = file("big", 800_000), file("small", 1_000)
    fits, linked = split_attachments([big, small], 1_000_000)
    assert (names(fits), names(linked)) == (["small"], ["big"]), "base64 adds a third"
    fits, linked = split_attachments([big, small], 1_200_000)
    assert (names(fits), names(linked)) == (["big", "small"], [])


@pytest.mark.parametrize("max_size", [1_000, 200_000, 900_000, 2_000_000])
def test_a_mail_stays_below_the_limit_of_the_server(max_size):
    fits, _ = split_attachments(
        [file("a", 500_000), file("b", 90_000), file("c", 40_000)],
        10_000_000,
        max_message_size=max_size,
        body_bytes=6_000 + len(PNG),
    )
    whole = mail(
        attachments=fits, html="я" * 3_000, to=[f"someone-{n}@long-name.example.com" for n in range(500)]
    )
    if fits:
        assert len(whole.as_bytes()) <= max_size
    assert len(fits) == {1_000: 0, 200_000: 1, 900_000: 2, 2_000_000: 3}[max_size]
