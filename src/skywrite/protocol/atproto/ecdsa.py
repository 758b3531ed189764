"""Signatures on the two curves of the network, by whole numbers alone: checking them, for proofs; and keys and
signatures of the sandbox.

What lives here: arithmetic on points, whose time depends on the numbers. To check a signature, all of them are public,
and the sandbox has no secrets. What signs for an account of the network is `dpop`, by a library.
Sources: SEC 1, version 2 (2.3.4, 4.1); SEC 2, version 2 (2.4.1, 2.4.2); https://atproto.com/specs/cryptography.
"""

from __future__ import annotations

from hashlib import sha256
from typing import NamedTuple

Point = tuple[int, int]
_BYTES = 32


class Curve(NamedTuple):
    """y² = x³ + ax + b over the numbers modulo `prime`; multiples of the point `base` repeat after `order`."""

    prime: int
    a: int
    b: int
    order: int
    base: Point


K256 = Curve(
    prime=2**256 - 2**32 - 977,
    a=0,
    b=7,
    order=0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141,
    base=(
        0x79BE667EF9DCBBAC55A06295CE870B07029BFCDB2DCE28D959F2815B16F81798,
        0x483ADA7726A3C4655DA4FBFC0E1108A8FD17B448A68554199C47D08FFB10D4B8,
    ),
)
P256 = Curve(
    prime=2**256 - 2**224 + 2**192 + 2**96 - 1,
    a=-3,
    b=0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    order=0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    base=(
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
)


def is_signed(curve: Curve, public: Point, message: bytes, signature: bytes) -> bool:
    """Whether a signature of 64 bytes is one of the SHA-256 of a message, by the owner of a public key."""
    r, s = int.from_bytes(signature[:_BYTES], "big"), int.from_bytes(signature[_BYTES:], "big")
    if len(signature) != 2 * _BYTES or not (0 < r < curve.order and 0 < s < curve.order):
        return False
    inverse = pow(s, -1, curve.order)
    left = multiple(curve, _digest(message) * inverse % curve.order, curve.base)
    right = multiple(curve, r * inverse % curve.order, public)
    point = _sum(curve, left, right)
    return point is not None and point[0] % curve.order == r


def sign_openly(curve: Curve, private: int, message: bytes) -> bytes:
    """A signature in the low form that the network takes. Only for keys that nobody need keep."""
    counter = 0
    while True:
        seed = b"".join((private.to_bytes(_BYTES, "big"), message, counter.to_bytes(4, "big")))
        nonce = int.from_bytes(sha256(seed).digest(), "big") % (curve.order - 1) + 1
        point = multiple(curve, nonce, curve.base)
        r = point[0] % curve.order if point else 0
        s = pow(nonce, -1, curve.order) * (_digest(message) + r * private) % curve.order
        if r and s:
            return r.to_bytes(_BYTES, "big") + min(s, curve.order - s).to_bytes(_BYTES, "big")
        counter += 1


def compressed(point: Point) -> bytes:
    """A point as 33 bytes."""
    return bytes([2 + point[1] % 2]) + point[0].to_bytes(_BYTES, "big")


def point_of(curve: Curve, data: bytes) -> Point:
    """The point that 33 bytes stand for. Raises ValueError for what is no point of the curve."""
    x = int.from_bytes(data[1:], "big")
    if len(data) != 1 + _BYTES or data[0] not in (2, 3) or x >= curve.prime:
        raise ValueError("not a compressed point")
    square = (x**3 + curve.a * x + curve.b) % curve.prime
    # Both primes leave 3 when divided by 4.
    y = pow(square, (curve.prime + 1) // 4, curve.prime)
    if y * y % curve.prime != square:
        raise ValueError("not a point of the curve")
    return x, y if y % 2 == data[0] % 2 else curve.prime - y


def multiple(curve: Curve, factor: int, point: Point | None) -> Point | None:
    """So many times a point; None is the point at infinity."""
    total = None
    while factor:
        if factor & 1:
            total = _sum(curve, total, point)
        point = _sum(curve, point, point)
        factor >>= 1
    return total


def _sum(curve: Curve, one: Point | None, other: Point | None) -> Point | None:
    if one is None or other is None:
        return other if one is None else one
    if one[0] == other[0]:
        if (one[1] + other[1]) % curve.prime == 0:
            return None
        slope = (3 * one[0] ** 2 + curve.a) * pow(2 * one[1], -1, curve.prime)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, curve.prime)
    x = (slope**2 - one[0] - other[0]) % curve.prime
    return x, (slope * (one[0] - x) - one[1]) % curve.prime


def _digest(message: bytes) -> int:
    return int.from_bytes(sha256(message).digest(), "big")
