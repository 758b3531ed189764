"""A mail server on this computer that keeps what it hears, with or without STARTTLS, and certificates for it.

What lives here: as much SMTP as `smtplib` speaks. What is heard is kept apart by whether it came encrypted.
"""

from __future__ import annotations

import ipaddress
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Key = ec.EllipticCurvePrivateKey
DAY = timedelta(days=1)


class Authority(NamedTuple):
    """Somebody who signs certificates; `file` is what those who trust it are given."""

    key: Key
    certificate: x509.Certificate
    file: Path


def new_authority(folder: Path, name: str = "Tests") -> Authority:
    """An authority of its own, which nobody trusts yet."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = _builder(subject, subject, key, DAY).add_extension(x509.BasicConstraints(ca=True, path_length=0), True)
    signing = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    certificate = builder.add_extension(signing, True).add_extension(identifier, False).sign(key, hashes.SHA256())
    file = folder / f"{name}.pem"
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return Authority(key, certificate, file)


def server_context(
    authority: Authority, folder: Path, *, address: str = "127.0.0.1", valid: timedelta = DAY
) -> ssl.SSLContext:
    """What a server at an address shows, signed by an authority; `valid` from now on, or over already."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = _builder(subject, authority.certificate.subject, key, valid)
    certificate = builder.add_extension(names, False).add_extension(signer, False).sign(authority.key, hashes.SHA256())
    path = folder / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, valid: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - 30 * DAY).not_valid_after(now + valid)


class MailServer(socketserver.ThreadingTCPServer):
    """What it heard in the clear, what it heard encrypted, and the messages that it took."""

    allow_reuse_address = True
    # The end of the server waits for each talk, so that all that was heard is there.
    daemon_threads = False

    def __init__(self, tls: ssl.SSLContext | None, *, at_once: bool, refuses: bool) -> None:
        self.tls, self.at_once, self.refuses = tls, at_once, refuses
        self.clear: list[str] = []
        self.sealed: list[str] = []
        super().__init__(("127.0.0.1", 0), _Talk)

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server_address[1]}"

    @property
    def words(self) -> list[str]:
        """The first word of each line that came in the clear."""
        return [line.split(" ")[0].upper() for line in self.clear]


@contextmanager
def mail_server(
    tls: ssl.SSLContext | None = None, *, at_once: bool = False, refuses: bool = False
) -> Iterator[MailServer]:
    """A server that offers STARTTLS where it has `tls`, or is encrypted `at_once`; `refuses` what it offered."""
    with MailServer(tls, at_once=at_once, refuses=refuses) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


class _Talk(socketserver.StreamRequestHandler):
    server: MailServer

    def handle(self) -> None:
        """One connection, until it ends or its encryption fails."""
        self.heard = self.server.clear
        try:
            if self.server.at_once:
                self._encrypt()
            self._say("220 here")
            while line := self.rfile.readline():
                if not self._answer(line.decode().rstrip("\r\n")):
                    return
        except OSError:
            return

    def finish(self) -> None:
        """Close what was encrypted, too."""
        super().finish()
        self.request.close()

    def _answer(self, line: str) -> bool:
        self.heard.append(line)
        word = line.split(" ")[0].upper()
        if word == "STARTTLS":
            self._say("454 not now" if self.server.refuses else "220 go")
            if not self.server.refuses:
                self._encrypt()
        elif word == "EHLO":
            offers = self.server.tls is not None and self.heard is self.server.clear
            self._say("250-here\r\n250-AUTH PLAIN" + ("\r\n250 STARTTLS" if offers else "\r\n250 8BITMIME"))
        elif word == "AUTH":
            self._say("235 welcome")
        elif word == "DATA":
            self._say("354 go")
            while (part := self.rfile.readline().decode().rstrip("\r\n")) != ".":
                self.heard.append(part)
            self._say("250 taken")
        else:
            self._say("221 bye" if word == "QUIT" else "250 fine")
        return word != "QUIT"

    def _encrypt(self) -> None:
        assert self.server.tls is not None
        self.request = self.server.tls.wrap_socket(self.request, server_side=True)
        self.rfile, self.wfile = self.request.makefile("rb"), self.request.makefile("wb", buffering=0)
        self.heard = self.server.sealed

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())
