"""DPoP: proof that a token is used by the client it was issued to (RFC 9449), signed with ES256.

What lives here: the key, the proof, and a transport that adds proofs and tracks servers' nonces and clocks. What does
not: any token (see `oauth`, `oauth_auth`). Nothing on the path of an app password imports this module.
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, Unpack
from urllib.parse import urlsplit

from nacl.bindings import crypto_hash_sha256 as sha256

from skywrite.core.clock import Clock, secret_bytes
from skywrite.core.errors import MissingExtra, NotSent
from skywrite.core.http import RequestOptions, Response, Transport, json_object
from skywrite.protocol.atproto.xrpc_errors import http_date

try:
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256
except ImportError as error:
    raise MissingExtra("Signing in with OAuth needs an optional part.", extra="oauth") from error

NONCE_SECONDS = 150
BACKDATED_SECONDS = 5
SKEW_SECONDS_MIN = 3
REFUSED_SKEW_SECONDS = 20
_P256_BYTES = 32
_BOTH_KINDS = ("use_dpop_nonce", "invalid_dpop_proof")


class NewProofNeeded(NotSent):
    """The server wants a new proof, but the body cannot be sent again as it is. Nothing was carried out."""

    code = "oauth.proof_needed"


def b64url(data: bytes) -> str:
    """Base64url without padding, as JOSE writes it."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class SigningKey:
    """A key on P-256. Its text form is as secret as a password."""

    def __init__(self, private: ec.EllipticCurvePrivateKey) -> None:
        self._private = private
        numbers = private.public_key().public_numbers()
        x, y = (b64url(number.to_bytes(_P256_BYTES, "big")) for number in (numbers.x, numbers.y))
        self.public_jwk = {"crv": "P-256", "kty": "EC", "x": x, "y": y}

    def __repr__(self) -> str:
        return f"SigningKey({self.thumbprint})"

    @classmethod
    def generate(cls) -> SigningKey:
        """A new key."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def from_text(cls, text: str) -> SigningKey:
        """Read a key from its `text`. Raises ValueError for anything else."""
        number = int.from_bytes(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")
        return cls(ec.derive_private_key(number, ec.SECP256R1()))

    @property
    def text(self) -> str:
        """The private key as text, for a store that encrypts it."""
        return b64url(self._private.private_numbers().private_value.to_bytes(_P256_BYTES, "big"))

    @property
    def thumbprint(self) -> str:
        """The SHA-256 of the public key (RFC 7638), by which servers know it."""
        return b64url(sha256(json.dumps(self.public_jwk, separators=(",", ":"), sort_keys=True).encode()))

    def sign(self, header: Mapping[str, Any], claims: Mapping[str, Any]) -> str:
        """A JSON Web Token."""
        parts = ({"alg": "ES256", **header}, claims)
        signed = ".".join(b64url(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
        r, s = decode_dss_signature(self._private.sign(signed.encode(), ec.ECDSA(SHA256())))
        return f"{signed}.{b64url(r.to_bytes(_P256_BYTES, 'big') + s.to_bytes(_P256_BYTES, 'big'))}"


class _Origin(NamedTuple):
    """What a server's last response said: the next nonce, when it arrived, and how far the server's clock is ahead."""

    nonce: str | None = None
    came_at: float = 0.0
    ahead: timedelta = timedelta(0)


class Origins:
    """Nonces and clocks of servers, by origin (an entryway and a PDS differ). Safe to share between threads."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._known: dict[str, _Origin] = {}

    def knows(self, url: str) -> bool:
        """Whether there was any response from this origin."""
        with self._lock:
            return _origin(url) in self._known

    def ahead(self, url: str) -> timedelta:
        """How far the server's clock is ahead of ours, as far as it is known."""
        return self._get(url).ahead

    def now(self, url: str) -> datetime:
        """The time by the server's clock, as far as it is known."""
        return self._clock.now() + self.ahead(url)

    def nonce(self, url: str) -> str | None:
        """The nonce for the next proof."""
        return self._get(url).nonce

    def is_fresh(self, url: str) -> bool:
        """Whether the server will still accept the nonce."""
        known = self._get(url)
        return known.nonce is not None and self._clock.monotonic() - known.came_at < NONCE_SECONDS

    def note(self, url: str, response: Response) -> None:
        """Remember the nonce and the time in a response."""
        before = self._get(url)
        date = http_date(response.headers.get("date", ""))
        ahead = before.ahead if date is None else date - self._clock.now()
        # The header has whole seconds, and the response took a while: a small difference means nothing.
        if abs(ahead) < timedelta(seconds=SKEW_SECONDS_MIN):
            ahead = timedelta(0)
        nonce = response.headers.get("dpop-nonce")
        known = _Origin(nonce, self._clock.monotonic(), ahead) if nonce else before._replace(ahead=ahead)
        with self._lock:
            self._known[_origin(url)] = known

    def _get(self, url: str) -> _Origin:
        with self._lock:
            return self._known.get(_origin(url), _Origin())


class DpopTransport:
    """A transport that adds a proof to each request, bound to the token in `authorization` if there is one.

    If the server refuses a request because of its nonce or our clock, nothing was carried out, and the request is sent
    once more with the values from the response. Raises NewProofNeeded if the body was a stream, which is used up by
    then, and without `repeats`, because an assertion in a body works for one request only.
    """

    def __init__(self, inner: Transport, key: SigningKey, origins: Origins, *, repeats: bool = True) -> None:
        self._inner = inner
        self._repeats = repeats
        self._key = key
        self._origins = origins

    def request(self, method: str, url: str, **options: Unpack[RequestOptions]) -> Response:
        """Send a signed request; once more if the server does not accept the first proof."""
        headers, body = dict(options.get("headers") or {}), options.get("body")
        token = headers.get("authorization", "").removeprefix("DPoP ")
        for tries_left in (1, 0):
            # Read before making the proof: another thread may learn the server's time in between.
            believed = self._origins.ahead(url)
            options["headers"] = {**headers, "dpop": self.proof(method, url, token)}
            response = self._inner.request(method, url, **options)
            self._origins.note(url, response)
            if not tries_left or not self._may_repeat(response, self._origins.ahead(url) - believed):
                return response
            if not self._repeats or not isinstance(body, bytes | None):
                host = urlsplit(url).netloc
                raise NewProofNeeded(f"{host} asks for a new proof of the session.", hint="Try again.")
        raise AssertionError("unreachable")

    def proof(self, method: str, url: str, token: str = "") -> str:
        """The proof for one request."""
        parts = urlsplit(url)
        issued = self._origins.now(url) - timedelta(seconds=BACKDATED_SECONDS)
        claims: dict[str, Any] = {
            "jti": b64url(secret_bytes(16)),
            "htm": method,
            "htu": f"{parts.scheme}://{parts.netloc}{parts.path}",
            "iat": int(issued.timestamp()),
        }
        if nonce := self._origins.nonce(url):
            claims["nonce"] = nonce
        if token:
            claims["ath"] = b64url(sha256(token.encode()))
        return self._key.sign({"typ": "dpop+jwt", "jwk": self._key.public_jwk}, claims)

    def _may_repeat(self, response: Response, moved: timedelta) -> bool:
        if response.status not in (400, 401):
            return False
        code = refusal(response)
        clock_was_wrong = abs(moved) >= timedelta(seconds=REFUSED_SKEW_SECONDS)
        return code == "use_dpop_nonce" or (code == "invalid_dpop_proof" and clock_was_wrong)


def refusal(response: Response) -> str:
    """The OAuth error in a response: from its JSON, or from WWW-Authenticate, where a PDS puts it."""
    header = response.headers.get("www-authenticate", "")
    for kind in _BOTH_KINDS:
        if f'error="{kind}"' in header:
            return kind
    error = (json_object(response.body) or {}).get("error")
    return error if isinstance(error, str) else ""


def jwt_lifetime(now: datetime, seconds: int) -> dict[str, int]:
    """When a token begins and ends. It begins a little in the past: servers refuse even a second in the future."""
    issued = now - timedelta(seconds=BACKDATED_SECONDS)
    return {"iat": int(issued.timestamp()), "exp": int(issued.timestamp()) + seconds}


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
