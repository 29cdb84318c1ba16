"""The outcomes of the transport, compared with the mailbox of the server."""

import time
from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest

from orchestration.errors import Unavailable
from orchestration.mailing.smtp_url import SmtpUrl
from orchestration.mailing.transport import Result, Transport

SENDER = "reports@example.com"
ANN, BOB = "ann@example.com", "bob@example.com"


def mail(text="Balance Refill\n.\n..end\n", **headers):
    message = EmailMessage(policy.SMTP)
    for name, value in ({"From": SENDER, "To": ANN, "Subject": "Звіт"} | headers).items():
        message[name] = value
    message.set_content(text)
    return message


def transport(url, **timeouts):
    return Transport(SmtpUrl.parse(url), **timeouts)


def send(box, recipient=ANN, message=None, **timeouts):
    with transport(box.url, **timeouts) as server:
        return server.send(message or mail(), SENDER, recipient)


def test_a_mail_arrives_unchanged(mailbox):
    outcome = send(mailbox)
    assert outcome == (Result.SENT, "250 2.0.0 Ok: queued as 4F2")
    ((recipient, envelope),) = mailbox.accepted
    assert (recipient, envelope.mail_from) == (ANN, SENDER)
    read = message_from_bytes(envelope.content, policy=policy.default)
    assert read["Subject"] == "Звіт"
    assert read.get_content().splitlines() == ["Balance Refill", ".", "..end"]


def test_one_connection_sends_many_mails(mailbox):
    mailbox.at_rcpt["nobody@example.com"] = "550 5.1.1 no such user"
    with transport(mailbox.url) as server:
        results = [server.send(mail(), SENDER, to).result for to in (ANN, "nobody@example.com", BOB)]
    assert results == [Result.SENT, Result.REFUSED, Result.SENT]
    assert mailbox.recipients() == [ANN, BOB]
    assert mailbox.connection_count == 1


@pytest.mark.parametrize("step", ["at_rcpt", "at_data", "after_body"])
@pytest.mark.parametrize(
    ("reply", "result"),
    [
        ("451 4.7.1 greylisted", Result.TRY_LATER),
        ("421 4.3.2 closing", Result.TRY_LATER),
        ("550 5.7.1 not here", Result.REFUSED),
    ],
)
def test_the_first_digit_of_a_reply_decides(mailbox, step, reply, result):
    getattr(mailbox, step)[ANN] = reply
    assert send(mailbox) == (result, reply)
    assert mailbox.accepted == []


@pytest.mark.parametrize(
    ("step", "result"),
    [
        ("at_rcpt", Result.TRY_LATER),
        ("at_data", Result.TRY_LATER),
        ("after_body", Result.UNKNOWN),
    ],
)
@pytest.mark.parametrize("fault", ["hang", "drop"])
def test_no_answer_is_unknown_only_after_the_body(mailbox, step, result, fault):
    getattr(mailbox, step)[ANN] = fault
    outcome = send(mailbox, command_timeout=0.8, reply_timeout=0.8)
    assert outcome.result is result
    assert mailbox.recipients() == ([ANN] if result is Result.UNKNOWN else [])


def test_a_connection_cut_in_the_body_is_tried_later(mailbox):
    mailbox.at_body[ANN] = "drop"
    outcome = send(mailbox, message=mail("x" * 60 + "\n" + ("y" * 70 + "\n") * 250_000))
    assert outcome.result is Result.TRY_LATER


def test_a_wrong_reply_to_the_body_is_unknown(mailbox):
    mailbox.after_body[ANN] = "354 go on and on"
    assert send(mailbox).result is Result.UNKNOWN


def test_a_closed_connection_is_opened_again(mailbox):
    mailbox.max_mails_per_connection = 2
    with transport(mailbox.url) as server:
        results = {server.send(mail(), SENDER, f"{n}@example.com").result for n in range(5)}
    assert results == {Result.SENT}
    assert len(mailbox.accepted) == 5
    assert mailbox.connection_count == 3


def test_a_reply_is_kept_in_one_printable_line(mailbox):
    mailbox.at_rcpt[ANN] = "550-first\r\n550 \x1b[31mred\x07 \xa0 " + "x" * 400
    reply = send(mailbox).reply
    assert reply.startswith("550 first [31mred xxx")
    assert reply.isprintable()
    assert len(reply) <= 300


def test_a_mail_above_the_size_limit_is_not_sent(serve):
    box = serve(data_size_limit=2000)
    with transport(box.url) as server:
        assert server.max_size == 2000
        assert server.send(mail("x" * 70 + "\n" + "y\n" * 2000), SENDER, ANN).result is Result.REFUSED
        assert server.send(mail(), SENDER, ANN).result is Result.SENT


def test_a_server_can_have_no_size_limit(serve):
    with transport(serve(data_size_limit=None).url) as server:
        assert server.max_size is None


def test_smtputf8_is_used_only_for_such_addresses(mailbox):
    with transport(mailbox.url) as server:
        assert server.send(mail(), SENDER, ANN).result is Result.SENT
        assert server.send(mail(To="енн@example.com"), SENDER, "енн@example.com").result is Result.SENT
        assert server.send(mail(), SENDER, BOB).result is Result.SENT
    assert [("SMTPUTF8" in envelope.mail_options) for _, envelope in mailbox.accepted] == [False, True, False]


def test_without_smtputf8_such_a_mail_is_refused(serve):
    box = serve(enable_SMTPUTF8=False)
    outcome = send(box, "енн@example.com")
    assert outcome.result is Result.REFUSED
    assert "SMTPUTF8" in outcome.reply
    assert send(box).result is Result.SENT


def test_no_server_is_unavailable_without_the_password(mailbox):
    url = f"smtp://me:secret@127.0.0.1:{mailbox.port + 1}?starttls=none"
    with transport(url) as server:
        with pytest.raises(
            Unavailable, match=rf"127\.0\.0\.1:{mailbox.port + 1} .*DYNAMICS_SMTP_URL"
        ) as refusal:
            server.connect()
        assert "secret" not in str(refusal.value)
        assert server.send(mail(), SENDER, ANN).result is Result.TRY_LATER


def test_a_password_is_sent_over_tls(guarded, trusted):
    with transport(f"smtp://reports:p%40ss%2F%231@127.0.0.1:{guarded.port}") as server:
        assert server.send(mail(), SENDER, ANN).result is Result.SENT


def refused(url):
    """Return the error of a connection that cannot be opened."""
    with pytest.raises(Unavailable) as refusal, transport(url) as server:
        server.connect()
    return str(refusal.value)


def test_a_wrong_password_is_unavailable(guarded, trusted):
    error = refused(f"smtp://reports:secret@127.0.0.1:{guarded.port}")
    assert "refuses the login, 535" in error
    assert "secret" not in error


@pytest.mark.parametrize("mode", ["required", "optional"])
def test_an_untrusted_certificate_is_refused(guarded, mode):
    error = refused(f"smtp://reports:p%40ss%2F%231@127.0.0.1:{guarded.port}?starttls={mode}")
    assert "certificate is not trusted" in error
    assert guarded.logins == []


@pytest.mark.parametrize("mode", ["required", "optional"])
def test_a_server_without_starttls_gets_no_password(mailbox, mode):
    assert "STARTTLS" in refused(f"smtp://reports:secret@127.0.0.1:{mailbox.port}?starttls={mode}")


def test_tls_from_the_first_byte(serve, tls, trusted):
    box = serve(ssl_context=tls)
    with transport(f"smtps://127.0.0.1:{box.port}") as server:
        assert server.send(mail(), SENDER, ANN).result is Result.SENT


def test_closing_does_not_wait_for_a_hanging_server(mailbox):
    began = time.monotonic()
    with transport(mailbox.url, reply_timeout=0.2) as server:
        mailbox.after_body[ANN] = "hang"
        server.send(mail(), SENDER, ANN)
    assert time.monotonic() - began < 5
