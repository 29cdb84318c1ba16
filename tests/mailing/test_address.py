"""Checks of addresses and headers."""

import pytest

from orchestration.mailing.address import check_header, parse_address, parse_sender


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("finance@example.com", "finance@example.com"),
        (" Finance.Team+kyiv@Example.COM ", "Finance.Team+kyiv@example.com"),
        ("o'neill@example.com", "o'neill@example.com"),
        ("me@localhost", "me@localhost"),
        ("me@office.local", "me@office.local"),
        ("me@mail.test", "me@mail.test"),
        ("рахунки@пошта.укр", "рахунки@xn--80a1acn3a.xn--j1amh"),
        ("billing@Bücher.example", "billing@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_normalised(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "hostile",
    [
        "",
        "nobody",
        "@example.com",
        "a@",
        "a@b@c",
        "a b@example.com",
        "a@example.com, b@example.com",
        "a@example.com;b@example.com",
        "Finance <finance@example.com>",
        "<finance@example.com>",
        "a@example.com\nBcc: b@example.com",
        "a@example.com\r\n",
        "a@example.com\x00",
        "a\u2028b@example.com",
        '"a b"@example.com',
        "a@[127.0.0.1]",
        "a@exa..mple.com",
        "=?UTF-8?Q?a?=@example.com",
        "=?utf-8?b?YQ==?=@example.com",
        "a@example.com>\r\nRCPT TO:<b@example.com",
        f"{'a' * 65}@example.com",
        "a" * 5000,
        "\ud800@example.com",
    ],
)
def test_invalid_addresses_are_refused_in_one_line(hostile):
    with pytest.raises(ValueError) as refusal:
        parse_address(hostile)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_subject_can_have_any_language():
    subject = "Звіт 📈, owners: «Northline», 50 % = half, really?"
    assert check_header(subject) == subject


@pytest.mark.parametrize(
    "hostile",
    [
        "A 💩 =?UTF-8?Q?=0A?=Bcc: x@y.example",
        "=?utf-8?b?QQ==?=",
        "a\nBcc: x@y.example",
        "a\rb",
        "a\x0bb",
        "a\x85b",
        "a\u2028b",
        "a\u2029b",
        "a\x1b[31m",
        "a\tb",
        "\ud83d",
    ],
)
def test_unsafe_headers_are_refused(hostile):
    with pytest.raises(ValueError) as refusal:
        check_header(hostile)
    assert len(str(refusal.value).splitlines()) == 1


def test_a_sender_can_have_a_name():
    named = parse_sender("Customer Dynamics <reports@localhost>")
    assert (named.display_name, named.addr_spec) == ("Customer Dynamics", "reports@localhost")
    assert parse_sender("reports@example.com").addr_spec == "reports@example.com"


@pytest.mark.parametrize(
    "wrong", ["", "Name", "Name <>", "a@b.example, c@d.example", "N <a@b.example> x", "N\n <a@b.c>"]
)
def test_invalid_senders_are_refused(wrong):
    with pytest.raises(ValueError):
        parse_sender(wrong)
