"""The local mailbox stores a copy for each recipient on disk."""

import mailbox
import os
import signal
import smtplib
from email.message import EmailMessage
from urllib.parse import urlsplit

import pytest

from orchestration import local
from orchestration.local.daemon import Daemon


@pytest.fixture(scope="module")
def own_home(tmp_path_factory):
    """Return a home with services that these tests may kill."""
    home = tmp_path_factory.mktemp("own")
    yield home
    local.stop(home)


def send(home, subject, *recipients):
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "reports@example.com", "finance@example.com", subject
    message.set_content("The report.")
    address = urlsplit(local.mailbox(home))
    with smtplib.SMTP(address.hostname, address.port) as connection:
        connection.send_message(message, to_addrs=recipients)


def received(home, subject):
    mails = mailbox.Maildir(local.maildir(home), create=False)
    return sorted(mail["Delivered-To"] for mail in mails if mail["Subject"] == subject)


def test_each_recipient_gets_a_copy_also_a_blind_one(own_home):
    send(own_home, "All of you", "finance@example.com", "hidden@example.com")
    assert received(own_home, "All of you") == ["finance@example.com", "hidden@example.com"]


def test_a_mail_above_the_announced_size_is_refused(own_home):
    address = urlsplit(local.mailbox(own_home))
    with smtplib.SMTP(address.hostname, address.port) as connection:
        connection.ehlo()
        assert connection.esmtp_features["size"] == str(25 * 1024 * 1024)
        assert connection.docmd("MAIL", "FROM:<a@example.com> SIZE=26214401")[0] == 552


def test_mails_survive_a_stop_and_a_kill(own_home):
    send(own_home, "Before", "finance@example.com")
    server = Daemon(own_home, "smtp").pid()
    local.mailbox(own_home)
    assert Daemon(own_home, "smtp").pid() == server
    os.kill(server, signal.SIGKILL)
    send(own_home, "Between", "finance@example.com")
    assert local.stop(own_home) == ["smtp"]
    send(own_home, "After", "finance@example.com")
    assert [received(own_home, subject) for subject in ("Before", "Between", "After")] == [
        ["finance@example.com"]
    ] * 3


def test_the_status_counts_mails_running_or_not(own_home):
    send(own_home, "Counted", "finance@example.com")
    count = f"{len(mailbox.Maildir(local.maildir(own_home)))} mails"
    assert [(part.running, part.detail) for part in local.status(own_home) if part.name == "smtp"] == [
        (True, count)
    ]
    local.stop(own_home)
    assert [(part.running, part.detail) for part in local.status(own_home) if part.name == "smtp"] == [
        (False, count)
    ]
