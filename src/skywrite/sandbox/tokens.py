"""Tokens and keys: session JWTs (HS256), service auth JWTs (ES256K) and the keys in DID documents.

What lives here: making and reading the strings. What does not: which tokens are still valid (see `sessions`).
Sources: RFC 7519, RFC 7515; https://atproto.com/specs/xrpc (service auth), https://atproto.com/specs/cryptography.
"""

from __future__ import annotations

import binascii
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from functools import cache
from hashlib import sha256
from typing import Any

from skywrite.protocol.atproto.ecdsa import K256, compressed, is_signed, multiple, sign_openly

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_SECP256K1_MULTICODEC = b"\xe7\x01"


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


def private_key(did: str, secret: str) -> int:
    """The signing key of an account (secp256k1), always the same for the same DID and secret."""
    number = int.from_bytes(sha256(f"{did} {secret}".encode()).digest(), "big")
    return number % (K256.order - 1) + 1


@cache
def _public_key(did: str, secret: str) -> tuple[int, int]:
    point = multiple(K256, private_key(did, secret), K256.base)
    assert point is not None
    return point


def public_multibase(did: str, secret: str) -> str:
    """An account's public key for a DID document (`Multikey`: compressed point, base58btc)."""
    number = int.from_bytes(_SECP256K1_MULTICODEC + compressed(_public_key(did, secret)), "big")
    digits = ""
    while number:
        number, digit = divmod(number, 58)
        digits = _BASE58[digit] + digits
    return "z" + digits


def sign_service(claims: dict[str, Any], did: str, secret: str) -> str:
    """A service auth token, signed with the account's key."""
    head = f"{_pack({'typ': 'JWT', 'alg': 'ES256K'})}.{_pack(claims)}"
    return f"{head}.{_text(sign_openly(K256, private_key(did, secret), head.encode()))}"


def read_service(token: str, secret: str) -> dict[str, Any]:
    """The claims of a service auth token that an account of this sandbox signed. Raises BadToken."""
    _, claims, signed, signature = split(token)
    if not is_signed(K256, _public_key(str(claims.get("iss")), secret), signed.encode(), signature):
        raise BadToken("another signature")
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
