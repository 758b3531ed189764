"""The client that accounts sign in with: a loopback client, a hosted public one, or a confidential one with keys.

What lives here: client ids, metadata, and the assertion that a confidential client signs. What does not: files and
pages (`app.oauth_client`), the flow (`oauth`).

Source: https://atproto.com/specs/oauth, RFC 7523
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple
from urllib.parse import quote, urlencode

from skywrite.core.clock import secret_bytes
from skywrite.core.errors import Do, Hint, SignInError
from skywrite.protocol.atproto.dpop import SigningKey, b64url, jwt_lifetime

LOOPBACK_CALLBACK = "http://127.0.0.1/callback"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
ASSERTION_SECONDS = 60
CLIENT_NAME = "Skywrite"

ClientKind = Literal["loopback", "public", "confidential"]


class OAuthClient(NamedTuple):
    """A client. `keys` are the keys of a confidential client by id, oldest first.

    The last key is a spare, published before it is used, because servers cache the key set for a while. Servers may
    redirect to `redirect_uris`. `scope` is everything that the client may request.
    """

    kind: ClientKind
    client_id: str
    redirect_uris: tuple[str, ...]
    scope: str
    keys: Mapping[str, SigningKey] = {}

    @property
    def key_id(self) -> str | None:
        """The key for new sign-ins."""
        return list(self.keys)[-2] if self.keys else None

    def credentials(self, key_id: str | None, audience: str, now: datetime) -> dict[str, str]:
        """The fields that identify the client, with an assertion if it has keys. `now` is the server's time."""
        if key_id is None:
            return {"client_id": self.client_id}
        key = self.keys.get(key_id)
        if key is None:
            raise SignInError(
                f"The key {key_id} of the client {self.client_id} is missing, and the session is bound to it.",
                code="oauth.key_missing",
                hint=Hint("Use the database that the key was created in, or sign in again: ", Do("oauth.login")),
            )
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": audience, "jti": b64url(secret_bytes(16))}
        assertion = key.sign({"kid": key_id}, {**claims, **jwt_lifetime(now, ASSERTION_SECONDS)})
        return {"client_id": self.client_id, "client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def loopback_client(scope: str) -> OAuthClient:
    """The client that needs no hosted page: its id contains what it may do."""
    params = {"redirect_uri": LOOPBACK_CALLBACK, "scope": scope}
    client_id = "http://localhost?" + urlencode(params, quote_via=quote, safe="")
    return OAuthClient("loopback", client_id, (LOOPBACK_CALLBACK,), scope)


def client_metadata(
    client: OAuthClient, *, client_uri: str, jwks_uri: str | None = None, name: str = CLIENT_NAME
) -> dict[str, Any]:
    """The document to serve at the client's id."""
    confidential = client.kind == "confidential"
    metadata: dict[str, Any] = {
        "client_id": client.client_id,
        "client_name": name,
        "client_uri": client_uri,
        "application_type": "web" if confidential else "native",
        "redirect_uris": list(client.redirect_uris),
        "scope": client.scope,
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "dpop_bound_access_tokens": True,
        "token_endpoint_auth_method": "private_key_jwt" if confidential else "none",
    }
    if confidential:
        metadata |= {"token_endpoint_auth_signing_alg": "ES256", "jwks_uri": jwks_uri}
    return metadata


def public_keys(client: OAuthClient) -> dict[str, Any]:
    """The client's key set, as it is published."""
    common = {"alg": "ES256", "use": "sig"}
    return {"keys": [{**key.public_jwk, **common, "kid": key_id} for key_id, key in client.keys.items()]}


def first_keys() -> dict[str, SigningKey]:
    """The keys of a new client: one to use, and a spare."""
    return with_new_key(with_new_key({}))


def with_new_key(keys: Mapping[str, SigningKey]) -> dict[str, SigningKey]:
    """The keys with a new spare. Sign-ins use the previous spare; sessions keep the key that they are bound to."""
    key = SigningKey.generate()
    return {**keys, key.thumbprint: key}


def without_unused(keys: Mapping[str, SigningKey], used: Sequence[str]) -> dict[str, SigningKey]:
    """The keys that sessions are bound to, and the two newest."""
    newest = list(keys)[-2:]
    return {key_id: key for key_id, key in keys.items() if key_id in used or key_id in newest}
