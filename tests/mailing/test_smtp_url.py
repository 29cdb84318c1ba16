"""Valid and invalid values of DYNAMICS_SMTP_URL."""

import pytest

from orchestration.errors import RequestError
from orchestration.mailing.smtp_url import SmtpUrl


@pytest.mark.parametrize(
    ("url", "parsed"),
    [
        ("smtp://mail.example.com", SmtpUrl("mail.example.com", 25, "optional")),
        ("smtp://mail.example.com:2525/", SmtpUrl("mail.example.com", 2525, "optional")),
        ("smtp://127.0.0.1:1025?starttls=none", SmtpUrl("127.0.0.1", 1025, "none")),
        ("smtps://u:p@mail.example.com", SmtpUrl("mail.example.com", 465, "smtps", "u", "p")),
        ("smtp://u:p@mail.example.com:587", SmtpUrl("mail.example.com", 587, "required", "u", "p")),
        (
            "smtp://u:p@mail.example.com:587?starttls=optional",
            SmtpUrl("mail.example.com", 587, "optional", "u", "p"),
        ),
        (
            "smtp://me%40example.com:p%40%2F%23%3A@[::1]:587",
            SmtpUrl("::1", 587, "required", "me@example.com", "p@/#:"),
        ),
    ],
)
def test_a_url_is_parsed(url, parsed):
    assert SmtpUrl.parse(url) == parsed


@pytest.mark.parametrize(
    "url",
    [
        "",
        "mail.example.com",
        "http://u:secret@mail.example.com",
        "smtp://",
        "smtp://u:secret@",
        "smtp://u:secret@host:port",
        "smtp://u:secret@host:99999",
        "smtp://u:sec/secret@host:25",
        "smtp://u:sec#secret@host:25",
        "smtp://u:sec?secret@host:25",
        "smtp://u:%ffsecret@host:25",
        "smtp://u:п-secret@host:25",
        "smtp://u:secret@host/path",
        "smtp://u:secret@ho st",
        "smtp://u:secret@a,b",
        "smtp://u:secret@host?starttls=maybe",
        "smtp://u:secret@host?starttls=none&secret=1",
        "smtp://u:secret@host?starttls",
        "smtps://u:secret@host?starttls=required",
        f"smtp://u:secret@{'a' * 64}.example",
    ],
)
def test_a_wrong_url_is_refused_without_the_password(url):
    with pytest.raises(RequestError, match="DYNAMICS_SMTP_URL must look like") as refusal:
        SmtpUrl.parse(url)
    assert "secret" not in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_the_password_is_not_printed():
    url = SmtpUrl.parse("smtp://u:secret@host:587")
    assert "secret" not in f"{url} {url!r}"
