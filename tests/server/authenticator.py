"""An authenticator in software: makes a passkey and signs with it, as a browser and a security key do together."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

CREDENTIAL_ID = b"a passkey of the tests"
_USER_PRESENT, _ATTESTED = 0x01, 0x40


@dataclass
class Authenticator:
    """One passkey for one origin."""

    origin: str
    host: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    count: int = 0

    def create(self, options: dict[str, Any]) -> dict[str, Any]:
        """navigator.credentials.create()."""
        numbers = self.key.public_key().public_numbers()
        public = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)})
        about = bytes(16) + len(CREDENTIAL_ID).to_bytes(2) + CREDENTIAL_ID + public
        attested = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": self._data(_ATTESTED) + about})
        answer = {"attestationObject": text(attested)}
        return self._credential(self._client("webauthn.create", options), answer)

    def get(self, options: dict[str, Any]) -> dict[str, Any]:
        """navigator.credentials.get()."""
        self.count += 1
        client, data = self._client("webauthn.get", options), self._data(0)
        signature = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._credential(client, {"authenticatorData": text(data), "signature": text(signature)})

    def _client(self, kind: str, options: dict[str, Any]) -> bytes:
        return json.dumps({"type": kind, "challenge": options["challenge"], "origin": self.origin}).encode()

    def _data(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([_USER_PRESENT | flags]) + self.count.to_bytes(4)

    def _credential(self, client: bytes, answer: dict[str, str]) -> dict[str, Any]:
        response = {"clientDataJSON": text(client), **answer}
        return {"id": text(CREDENTIAL_ID), "rawId": text(CREDENTIAL_ID), "type": "public-key", "response": response}


def text(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
