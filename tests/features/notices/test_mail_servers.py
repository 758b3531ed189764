"""Notices by e-mail leave this computer encrypted, to a server that proves who it is, or not at all."""

from __future__ import annotations

import base64
import smtplib
from datetime import timedelta
from pathlib import Path

import pytest

from skywrite.app import Skywrite
from skywrite.features.notices import mail
from skywrite.features.notices.mail import send_mail
from tests.support.certificates import Authority, new_authority, server_context
from tests.support.errors import fails
from tests.support.mail_server import MailServer, mail_server

SECRET = base64.b64encode(b"\0bot\0canary-of-mail").decode()
ADDRESSES = {"to": "me@x.example", "from": "bot@x.example", "user": "bot"}


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Authority:
    """An authority that this computer trusts."""
    authority = new_authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    return authority


def send(server: MailServer, **config: object) -> None:
    """One message with a password."""
    send_mail({**ADDRESSES, "server": server.address, **config}, "canary-of-mail", "A subject", "A text.")


def test_the_test_button_sends_one_encrypted(sky: Skywrite, authority: Authority, tmp_path: Path) -> None:
    """In the clear the server hears nothing but the wish for encryption; then the password and the message."""
    with mail_server(server_context(authority, tmp_path)) as server:
        channel = sky.notices.add_email(
            "me@x.example", sender="bot@x.example", server=server.address, user="bot", password="canary-of-mail"
        )
        sky.notices.test(channel.id)
    assert ["EHLO", "STARTTLS"] == server.words
    assert f"AUTH PLAIN {SECRET}" in server.sealed
    assert "Subject: A test of Skywrite's notices" in server.sealed and "Notices arrive here." in server.sealed
    assert "Auto-Submitted: auto-generated" in server.sealed


def test_what_the_server_said_is_shown_up_to_a_length(monkeypatch: pytest.MonkeyPatch) -> None:
    """In one line, and no more than a few of them; without a word, the kind of error."""
    for reason, shown in (("no\n" + "x" * 300, "no " + "x" * 197), ("", "OSError")):

        def refused(*args: object, reason: str = reason, **options: object) -> None:
            raise OSError(reason)

        monkeypatch.setattr("smtplib.SMTP", refused)
        with fails("mail.not_sent") as caught:
            send_mail({**ADDRESSES, "server": "mail.test"}, None, "A subject", "A text.")
        assert f"mail.test did not take the message: {shown}" == caught.value.message


def test_a_message_has_a_subject_of_one_short_line() -> None:
    """Whatever a post or a feed brought into it; who has no password signs in without."""
    with mail_server() as server:
        config = {**ADDRESSES, "server": server.address, "plain": True}
        send_mail(config, None, "Failed:\n" + "word " * 99, "A text.")
    message = "\n".join(server.clear).replace("\n ", " ")
    assert f"Subject: Failed: {'word ' * 22}wo\n" in message
    assert "AUTH PLAIN " + base64.b64encode(b"\0bot\0").decode() in server.clear


@pytest.mark.parametrize(("port", "kind"), [(465, "SMTP_SSL"), (587, "SMTP"), (25, "SMTP")])
def test_how_a_port_is_spoken_to(monkeypatch: pytest.MonkeyPatch, port: int, kind: str) -> None:
    """The one for encrypted mail encrypted from the first byte; each answers within twenty seconds or not at all."""
    opened = []

    def refused(server: smtplib.SMTP, *address: object) -> None:
        opened.append((type(server).__name__, *address, server.timeout))
        raise OSError

    monkeypatch.setattr(smtplib.SMTP, "connect", refused)
    with fails("mail.not_sent"):
        send_mail({**ADDRESSES, "server": f"mail.test:{port}"}, None, "A subject", "A text.")
    assert [(kind, "mail.test", port, 20)] == opened


def test_without_encryption_nothing_leaves() -> None:
    """Neither the password nor a word of the message, unless the owner of the network allows it."""
    with mail_server() as server:
        with fails("mail.not_encrypted", match="offers no STARTTLS"):
            send(server)
        assert ["EHLO"] == server.words
        send(server, plain=True)
        assert "A text." in server.clear


def test_encryption_that_is_offered_and_refused_sends_nothing(authority: Authority, tmp_path: Path) -> None:
    """A server, or somebody in between, that says no to STARTTLS gets no more, also where plain mail is allowed."""
    with mail_server(server_context(authority, tmp_path), refuses=True) as server:
        for plain in (False, True):
            with fails("mail.not_sent", match="not now"):
                send(server, plain=plain)
    assert {"EHLO", "STARTTLS"} >= set(server.words)


@pytest.mark.parametrize("wrong", ["authority", "name", "date"])
def test_a_server_that_cannot_prove_who_it_is_gets_nothing(authority: Authority, tmp_path: Path, wrong: str) -> None:
    """Its certificate is by somebody whom nobody trusts, for another name, or over."""
    folder = tmp_path / "other"
    folder.mkdir()
    tls = server_context(
        new_authority(folder) if wrong == "authority" else authority,
        tmp_path,
        address="127.0.0.9" if wrong == "name" else "127.0.0.1",
        valid=timedelta(days=-1) if wrong == "date" else timedelta(days=1),
    )
    with mail_server(tls) as server:
        for plain in (False, True):
            with fails("mail.not_sent", match="could not prove who it is"):
                send(server, plain=plain)
    assert ([], {"EHLO", "STARTTLS"}) == (server.sealed, set(server.words))


def test_encrypted_from_the_first_byte(authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As at port 465: nothing at all in the clear."""
    with mail_server(server_context(authority, tmp_path), at_once=True) as server:
        monkeypatch.setattr(mail, "TLS_PORT", server.server_address[1])
        send(server)
    assert ([], True) == (server.clear, "A text." in server.sealed)


def test_a_server_that_never_ends_its_greeting_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each line comes in time, and still the message has an end: others have notices to get."""
    monkeypatch.setattr(mail, "MESSAGE_SECONDS", 0.2)
    with mail_server(chatters=True) as server, fails("mail.not_sent"):
        send(server, plain=True)
