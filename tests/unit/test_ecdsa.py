"""Signatures on both curves, compared with a library that knows them."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from skywrite.protocol.atproto.ecdsa import K256, P256, Curve, compressed, is_signed, multiple, point_of, sign_openly

CURVES = [(K256, ec.SECP256K1()), (P256, ec.SECP256R1())]
both = pytest.mark.parametrize(("curve", "theirs"), CURVES, ids=["K256", "P256"])
NUMBERS = (1, 2, 3, 2**255 + 12345, 0xDEADBEEF << 200)


def point(curve: Curve, private: int) -> tuple[int, int]:
    product = multiple(curve, private, curve.base)
    assert product is not None
    return product


@both
def test_points_are_those_of_the_library(curve: Curve, theirs: ec.EllipticCurve) -> None:
    """Public keys are the same, and are read back from their 33 bytes."""
    for number in (*NUMBERS, curve.order - 1):
        public = ec.derive_private_key(number, theirs).public_key()
        expected = public.public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        assert (expected, point(curve, number)) == (
            compressed(point(curve, number)),
            point_of(curve, expected),
        )


@both
def test_signatures_of_each_are_good_for_the_other(curve: Curve, theirs: ec.EllipticCurve) -> None:
    """Ours in its low form, theirs as they come; and neither of another message."""
    for number in NUMBERS[2:4]:
        key, message = ec.derive_private_key(number, theirs), f"message {number}".encode()
        ours = sign_openly(curve, number, message)
        r, s = int.from_bytes(ours[:32], "big"), int.from_bytes(ours[32:], "big")
        key.public_key().verify(encode_dss_signature(r, s), message, ec.ECDSA(SHA256()))
        assert s <= curve.order // 2
        their_r, their_s = decode_dss_signature(key.sign(message, ec.ECDSA(SHA256())))
        signature = their_r.to_bytes(32, "big") + their_s.to_bytes(32, "big")
        public = point(curve, number)
        assert [True, True, False, False] == [
            is_signed(curve, public, message, ours),
            is_signed(curve, public, message, signature),
            is_signed(curve, public, message + b".", ours),
            is_signed(curve, point(curve, number + 1), message, signature),
        ]


@both
@pytest.mark.parametrize(("r", "s"), [(0, 1), (1, 0), (0, 0)])
def test_numbers_that_no_signature_has(curve: Curve, theirs: ec.EllipticCurve, r: int, s: int) -> None:
    """Zero, the order and more, and other lengths are no signature of anything, and no error."""
    public = point(curve, 3)
    wrong = [
        r.to_bytes(32, "big") + s.to_bytes(32, "big"),
        curve.order.to_bytes(32, "big") * 2,
        b"\xff" * 64,
        b"",
        b"x",
    ]
    assert [False] * 5 == [is_signed(curve, public, b"", signature) for signature in wrong]


@both
def test_bytes_that_are_no_point(curve: Curve, theirs: ec.EllipticCurve) -> None:
    """A wrong length or head, a number beyond the field, and one that is on no point."""
    beyond = bytes([2]) + curve.prime.to_bytes(32, "big")
    off = next(data for x in range(1, 50) if (data := bytes([2]) + x.to_bytes(32, "big")) and not is_on(theirs, data))
    for data in (b"", b"\x02" + b"\x01" * 31, b"\x04" + b"\x01" * 32, beyond, off):
        with pytest.raises(ValueError, match="point"):
            point_of(curve, data)


def is_on(theirs: ec.EllipticCurve, data: bytes) -> bool:
    """Whether the library reads a point from these bytes."""
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(theirs, data)
    except ValueError:
        return False
    return True
