"""Sending a notice by e-mail: only over an encrypted connection, unless the user allowed otherwise.

What does not live here: when, and what it says.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from skywrite.core.digits import whole_number
from skywrite.core.ending import Ending
from skywrite.core.errors import Do, Hint, InputError, SkywriteError

if TYPE_CHECKING:
    import smtplib
    import ssl

TIMEOUT_SECONDS = 20.0
MESSAGE_SECONDS = 60.0
TLS_PORT = 465
SUBJECT_MAX = 120


def check_mail(config: Mapping[str, Any]) -> None:
    """Raise InputError for addresses and servers that cannot be right."""
    for name in ("to", "from"):
        text = str(config.get(name, ""))
        if "@" not in text or not text.isprintable() or any(mark in text for mark in " ,;<>\"'"):
            raise InputError(f"{text!r} is not an e-mail address.", hint="Write it like me@example.com.")
    server_of(config)


def server_of(config: Mapping[str, Any]) -> tuple[str, int]:
    """Host and port of the mail server; the default port is 587. Raises InputError."""
    host, _, port = str(config.get("server", "")).partition(":")
    is_name = host and not any(mark.isspace() or mark in "/@" for mark in host)
    number = whole_number(port or "587", 65_535)
    if not (is_name and number):
        raise InputError("The mail server is not named.", hint="Name it like smtp.example.com:587.")
    return host, number


def send_mail(
    config: Mapping[str, Any],
    password: str | None,
    subject: str,
    text: str,
    *,
    tls: ssl.SSLContext | None = None,
    ending: Ending | None = None,
) -> None:
    """Send one message. Neither the password nor the message is sent without encryption, unless `plain` is set.

    A server that is silent is hung up on when `ending` comes. Raises SkywriteError, SkywriteError.
    """
    import smtplib
    import ssl
    from email.message import EmailMessage

    message = EmailMessage()
    message["From"], message["To"] = str(config["from"]), str(config["to"])
    message["Subject"] = " ".join(subject.split())[:SUBJECT_MAX]
    # Auto-responders leave such messages alone.
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    host, _ = server_of(config)
    try:
        with (
            _unconnected(config, tls) as server,
            (ending or Ending()).telling(partial(_hang_up, server)),
            _in_time(server),
        ):
            server.connect(*server_of(config))
            _encrypt(server, config, tls)
            if config.get("user"):
                server.login(str(config["user"]), password or "")
            server.send_message(message)
    except (smtplib.SMTPException, OSError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        if isinstance(error, ssl.SSLCertVerificationError):
            raise SkywriteError(
                f"{host} could not prove who it is, so nothing was sent: {error.verify_message}",
                code="mail.not_sent",
                hint="Name the server as its certificate does, or have the certificate fixed.",
            ) from error
        hint = "Check the server and the password."
        raise SkywriteError(f"{host} did not take the message: {reason}", code="mail.not_sent", hint=hint) from error


def _hang_up(server: smtplib.SMTP) -> None:
    """End what another thread waits for."""
    with suppress(OSError):
        if server.sock is not None:
            server.sock.shutdown(socket.SHUT_RDWR)


@contextmanager
def _in_time(server: smtplib.SMTP) -> Iterator[None]:
    """Hang up after a minute: a server that says a line now and then never runs into a time-out."""
    import threading

    end = threading.Timer(MESSAGE_SECONDS, _hang_up, (server,))
    end.daemon = True
    end.start()
    try:
        yield
    finally:
        end.cancel()


def _unconnected(config: Mapping[str, Any], tls: ssl.SSLContext | None) -> smtplib.SMTP:
    import smtplib
    import ssl

    host, port = server_of(config)
    if port == TLS_PORT:
        server: smtplib.SMTP = smtplib.SMTP_SSL(timeout=TIMEOUT_SECONDS, context=tls or ssl.create_default_context())
    else:
        server = smtplib.SMTP(timeout=TIMEOUT_SECONDS)
    # The name that its certificate must prove; `connect` alone does not note it.
    vars(server)["_host"] = host
    return server


def _encrypt(server: smtplib.SMTP, config: Mapping[str, Any], tls: ssl.SSLContext | None) -> None:
    """Encrypt a connection that is not; nothing more is said to a server that cannot, unless `plain` is set."""
    import ssl

    host, port = server_of(config)
    if port == TLS_PORT:
        return
    try:
        server.ehlo()
        if server.has_extn("starttls"):
            server.starttls(context=tls or ssl.create_default_context())
        elif not config.get("plain"):
            raise SkywriteError(
                f"{host} offers no STARTTLS, so nothing was sent.",
                code="mail.not_encrypted",
                hint=Hint(
                    "Use another server or port; on your own network, add it with ", Do("argument", "plain"), "."
                ),
            )
    except BaseException:
        server.close()
        raise
