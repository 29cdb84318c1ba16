"""A mail as the recipient's program reads it back."""

from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.headerregistry import Address

import pytest

from orchestration.errors import RequestError
from orchestration.mailing.message import Attachment, attach_within, compose, new_message_id

SENDER = Address("Customer Dynamics", "reports", "example.com")
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 8
XLSX = Attachment(
    "Звіт 2018.xlsx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"PK\x03\x04" + b"\n.\n" * 90,
)
CSV = Attachment("report.csv", "text/csv", "\ufeffSection,Metric\r\n.\r\n".encode())


def mail(**changes):
    given = {
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
    return compose(**(given | changes))


def read(message):
    return message_from_bytes(message.as_bytes(), policy=policy.default)


def test_headers_say_who_when_and_that_a_machine_wrote_it():
    message = read(mail())
    framing = ("Content-Type", "MIME-Version")
    assert {name: str(value) for name, value in message.items() if name not in framing} == {
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


def test_text_and_page_are_alternatives_the_chart_is_in_the_page_and_files_are_beside():
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


def test_without_chart_or_files_it_is_plain_alternatives():
    message = read(mail(attachments=[], inline_png=None, cc=[]))
    assert [part.get_content_type() for part in message.walk()] == [
        "multipart/alternative",
        "text/plain",
        "text/html",
    ]
    assert message["Cc"] is None


def test_every_line_travels_safely():
    """ASCII, short lines, CRLF only: nothing a server may refuse, cut or read as the end of the mail."""
    wire = mail(text="a\rb\nc" + "я" * 2000).as_bytes()
    assert wire.isascii()
    assert max(len(line) for line in wire.split(b"\r\n")) <= 998
    assert b"\r" not in wire.replace(b"\r\n", b"")
    assert b"\n" not in wire.replace(b"\r\n", b"")


def test_blind_copies_are_for_nobody_in_particular():
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
def test_what_could_become_a_header_of_its_own_is_refused(hostile):
    with pytest.raises(RequestError) as refusal:
        mail(**hostile)
    assert len(str(refusal.value).splitlines()) == 1


def test_an_address_that_is_two_stays_one():
    message = read(mail(to=["a@example.com, x@y.example"]))
    assert [address.addr_spec for address in message["To"].addresses] == ['"a@example.com, x"@y.example']


def test_a_message_id_is_of_the_senders_domain_and_new_each_time():
    first, second = new_message_id(SENDER), new_message_id(SENDER)
    assert first != second
    assert first.startswith("<")
    assert first.endswith("@example.com>")


def file(name, size):
    return Attachment(name, "application/octet-stream", b"\xff" * size)


def names(files):
    return [one.filename for one in files]


def test_files_are_attached_while_their_encoded_size_fits():
    big, small = file("big", 800_000), file("small", 1_000)
    fits, linked = attach_within([big, small], 1_000_000)
    assert (names(fits), names(linked)) == (["small"], ["big"])  # 800 KB travel as 1.09 MB
    fits, linked = attach_within([big, small], 1_200_000)
    assert (names(fits), names(linked)) == (["big", "small"], [])


@pytest.mark.parametrize("max_size", [1_000, 200_000, 900_000, 2_000_000])
def test_a_mail_stays_below_what_the_server_takes(max_size):
    fits, _ = attach_within(
        [file("a", 500_000), file("b", 90_000), file("c", 40_000)],
        10_000_000,
        max_size=max_size,
        beside=6_000 + len(PNG),
    )
    whole = mail(
        attachments=fits, html="я" * 3_000, to=[f"someone-{n}@long-name.example.com" for n in range(500)]
    )
    if fits:
        assert len(whole.as_bytes()) <= max_size
    assert len(fits) == {1_000: 0, 200_000: 1, 900_000: 2, 2_000_000: 3}[max_size]
