"""Authorities that nobody trusts yet, and the certificates that they sign for servers on this computer.

What does not live here: the servers.
"""

from __future__ import annotations

import ipaddress
import ssl
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


def server_file(
    authority: Authority, folder: Path, *, host: str = "127.0.0.1", valid: timedelta = DAY, name: str = "server"
) -> Path:
    """A file with a key and its certificate for a host (a name or an address); `valid` from now, or over already."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
    names = x509.SubjectAlternativeName([_name_of(host)])
    signer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = _builder(subject, authority.certificate.subject, key, valid)
    certificate = builder.add_extension(names, False).add_extension(signer, False).sign(authority.key, hashes.SHA256())
    path = folder / f"{name}.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    path.chmod(0o600)
    return path


def server_context(
    authority: Authority, folder: Path, *, address: str = "127.0.0.1", valid: timedelta = DAY
) -> ssl.SSLContext:
    """The same for a server in this process."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_file(authority, folder, host=address, valid=valid))
    return context


def _name_of(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _builder(subject: x509.Name, issuer: x509.Name, key: Key, valid: timedelta) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    return builder.not_valid_before(now - 30 * DAY).not_valid_after(now + valid)
