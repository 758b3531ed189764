"""Tokens and keys: session JWTs (HS256), service auth JWTs (ES256K) and the keys in DID documents.

What lives here: making and reading the strings. What does not: which tokens are still valid (see `sessions`).
Sources: RFC 7519, RFC 7515; https://atproto.com/specs/xrpc (service auth), https://atproto.com/specs/cryptography.
"""

from __future__ import annotations

import binascii
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SECP256K1_MULTICODEC = b"\xe7\x01"
_SECP256K1_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


class BadToken(Exception):
    """The text is not a token of this sandbox."""


def sign(token_type: str, claims: dict[str, Any], secret: str) -> str:
    """A session token with the given `typ`."""
    head = f"{_pack({'typ': token_type, 'alg': 'HS256'})}.{_pack(claims)}"
    return f"{head}.{_text(_mac(head, secret))}"


def read(token: str, token_type: str, secret: str) -> dict[str, Any]:
    """The claims of a session token, which may have expired. Raises BadToken for a wrong signature or type."""
    head, claims, signed, signature = split(token)
    if head.get("alg") != "HS256" or head.get("typ") != token_type:
        raise BadToken("another type or algorithm")
    if not hmac.compare_digest(signature, _mac(signed, secret)):
        raise BadToken("another signature")
    return claims


def split(token: str) -> tuple[dict[str, Any], dict[str, Any], str, bytes]:
    """Header, claims, the signed part, and the signature, all unverified. Raises BadToken."""
    parts = token.split(".")
    if len(parts) != 3:
        raise BadToken("not three parts")
    try:
        head, claims = (json.loads(_bytes(part)) for part in parts[:2])
        signature = _bytes(parts[2])
    except ValueError:
        raise BadToken("not base64 and JSON") from None
    if not isinstance(head, dict) or not isinstance(claims, dict):
        raise BadToken("no objects")
    return head, claims, ".".join(parts[:2]), signature


def private_key(did: str, secret: str) -> EllipticCurvePrivateKey:
    """The signing key of an account (secp256k1), always the same for the same DID and secret."""
    from cryptography.hazmat.primitives.asymmetric import ec

    number = int.from_bytes(sha256(f"{did} {secret}".encode()).digest(), "big")
    return ec.derive_private_key(number % (_SECP256K1_ORDER - 1) + 1, ec.SECP256K1())


def public_multibase(did: str, secret: str) -> str:
    """An account's public key for a DID document (`Multikey`: compressed point, base58btc)."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    point = private_key(did, secret).public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    number = int.from_bytes(_SECP256K1_MULTICODEC + point, "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return "z" + digits


def sign_service(claims: dict[str, Any], did: str, secret: str) -> str:
    """A service auth token, signed with the account's key."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    head = f"{_pack({'typ': 'JWT', 'alg': 'ES256K'})}.{_pack(claims)}"
    r, s = utils.decode_dss_signature(private_key(did, secret).sign(head.encode(), ec.ECDSA(hashes.SHA256())))
    low_s = min(s, _SECP256K1_ORDER - s)
    return f"{head}.{_text(r.to_bytes(32, 'big') + low_s.to_bytes(32, 'big'))}"


def read_service(token: str, secret: str) -> dict[str, Any]:
    """The claims of a service auth token that an account of this sandbox signed. Raises BadToken."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    _, claims, signed, signature = split(token)
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    key = private_key(str(claims.get("iss")), secret).public_key()
    try:
        key.verify(utils.encode_dss_signature(r, s), signed.encode(), ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise BadToken("another signature") from None
    return claims


def _mac(text: str, secret: str) -> bytes:
    return hmac.digest(secret.encode(), text.encode(), "sha256")


def _pack(value: dict[str, Any]) -> str:
    return _text(json.dumps(value, separators=(",", ":")).encode())


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _bytes(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    except (binascii.Error, UnicodeEncodeError) as error:
        raise ValueError(str(error)) from None
