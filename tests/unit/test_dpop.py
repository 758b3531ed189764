"""Promises of DPoP proofs: what they hold, the nonce and clock of each origin, and when a request is sent again."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from skywrite.core.clock import FakeClock
from skywrite.core.http import MAX_ANSWER_BYTES, Response
from skywrite.protocol.atproto.dpop import DpopTransport, NewProofNeeded, Origins, SigningKey

URL = "https://pds.example/xrpc/app.test?limit=1"


def decoded(proof: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The header and the claims of a proof whose signature is right."""
    head, body, signature = proof.split(".")
    parts = [json.loads(base64.urlsafe_b64decode(part + "==")) for part in (head, body)]
    raw = base64.urlsafe_b64decode(signature + "==")
    x, y = (int.from_bytes(base64.urlsafe_b64decode(parts[0]["jwk"][name] + "==")) for name in ("x", "y"))
    key = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    number = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(number, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    return parts[0], parts[1]


class Server:
    """Answers from a list; keeps the headers that came."""

    def __init__(self, *answers: Response) -> None:
        self.answers, self.headers = list(answers), list[Mapping[str, str]]()

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterator[bytes] | None = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        self.headers.append(headers or {})
        return self.answers.pop(0)


def ok(**headers: str) -> Response:
    return Response(200, {name.replace("_", "-"): value for name, value in headers.items()}, b"{}")


def refused(error: str, status: int = 401, **headers: str) -> Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {**names, "www-authenticate": f'DPoP error="{error}"'}, b"{}")


@pytest.fixture
def origins(clock: FakeClock) -> Origins:
    return Origins(clock)


def test_a_proof(origins: Origins, clock: FakeClock) -> None:
    """A proof names the method, the address without its query, the token's hash, and a number never used before."""
    key, server = SigningKey.generate(), Server(ok(), ok())
    transport = DpopTransport(server, key, origins)
    for _ in range(2):
        transport.request("GET", URL, headers={"authorization": "DPoP secret"})
    (header, claims), (_, again) = (decoded(sent["dpop"]) for sent in server.headers)
    hashed = base64.urlsafe_b64encode(hashlib.sha256(b"secret").digest()).rstrip(b"=").decode()
    assert ("dpop+jwt", "ES256", key.public_jwk) == (header["typ"], header["alg"], header["jwk"])
    assert ("GET", "https://pds.example/xrpc/app.test", hashed) == (claims["htm"], claims["htu"], claims["ath"])
    assert claims["jti"] != again["jti"] and claims["iat"] <= clock.now().timestamp()


def test_a_key_comes_back_from_its_text() -> None:
    """The text of a key makes the same key, and its repr does not show it."""
    key = SigningKey.generate()
    assert key.public_jwk == SigningKey.from_text(key.text).public_jwk
    assert key.text not in repr(key)


def test_a_nonce_for_each_origin(origins: Origins) -> None:
    """A challenge is answered once, with the nonce of that origin; other origins do not get it."""
    server = Server(refused("use_dpop_nonce", dpop_nonce="one"), ok(dpop_nonce="two"), ok(), ok())
    transport = DpopTransport(server, SigningKey.generate(), origins)
    assert 200 == transport.request("POST", URL, body=b"{}").status
    transport.request("POST", URL, body=b"{}")
    transport.request("GET", "https://other.example/")
    nonces = [decoded(sent["dpop"])[1].get("nonce") for sent in server.headers]
    assert [None, "one", "two", None] == nonces


def test_a_challenge_that_never_ends(origins: Origins) -> None:
    """A server that challenges again is believed: nothing is sent a third time."""
    server = Server(*(refused("use_dpop_nonce", dpop_nonce=str(number)) for number in range(3)))
    assert 401 == DpopTransport(server, SigningKey.generate(), origins).request("GET", URL).status
    assert 2 == len(server.headers)


def test_a_stream_is_not_sent_twice(origins: Origins) -> None:
    """A body that can be read once is not sent again empty: the caller begins anew."""
    server = Server(refused("use_dpop_nonce", dpop_nonce="one"), ok())
    transport = DpopTransport(server, SigningKey.generate(), origins)
    with pytest.raises(NewProofNeeded):
        transport.request("POST", URL, body=iter([b"piece"]))
    assert 1 == len(server.headers)


def test_our_clock_is_wrong(origins: Origins, clock: FakeClock) -> None:
    """A proof that was refused for its time is made again by the server's clock, once."""
    date = format_datetime(clock.now() - timedelta(minutes=10), usegmt=True)
    server = Server(refused("invalid_dpop_proof", date=date), ok(date=date))
    assert 200 == DpopTransport(server, SigningKey.generate(), origins).request("GET", URL).status
    first, second = (decoded(sent["dpop"])[1]["iat"] for sent in server.headers)
    assert 595 <= first - second <= 605


def test_another_thread_learned_the_time(origins: Origins, clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused proof is made again also where another thread has learned the server's time while it was signed."""
    date = format_datetime(clock.now() - timedelta(minutes=10), usegmt=True)
    server, sign = Server(refused("invalid_dpop_proof", date=date), ok(date=date)), SigningKey.sign

    def signing(key: SigningKey, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        origins.note(URL, ok(date=date))
        return sign(key, header, claims)

    monkeypatch.setattr(SigningKey, "sign", signing)
    assert 200 == DpopTransport(server, SigningKey.generate(), origins).request("GET", URL).status


def test_a_proof_that_is_refused_for_something_else(origins: Origins) -> None:
    """A proof that was refused with a clock that is right is not sent again."""
    server = Server(refused("invalid_dpop_proof"), ok())
    assert 401 == DpopTransport(server, SigningKey.generate(), origins).request("GET", URL).status
