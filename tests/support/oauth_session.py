"""An OAuth session without any real server: its values, a store in memory, and what a scripted network responds."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from skywrite.core.http import Response
from skywrite.protocol.atproto.dpop import SigningKey
from skywrite.protocol.atproto.oauth_client import OAuthClient
from skywrite.protocol.atproto.oauth_session import OAuthSession

DID = "did:plc:abcdefghijklmnopqrstuvwx"
PDS = "https://pds.example.com"
ISSUER = "https://auth.example.com"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = SigningKey.from_text("A" * 42 + "E")
HANDLE = "alice.test"
RESOURCE = "oauth-protected-resource"
SERVER = "oauth-authorization-server"
METADATA = {
    "issuer": ISSUER,
    "authorization_endpoint": f"{ISSUER}/authorize",
    "token_endpoint": f"{ISSUER}/token",
    "pushed_authorization_request_endpoint": f"{ISSUER}/par",
    "revocation_endpoint": f"{ISSUER}/revoke",
    "code_challenge_methods_supported": ["S256"],
    "dpop_signing_alg_values_supported": ["ES256"],
    "authorization_response_iss_parameter_supported": True,
}
TOKENS = {
    "access_token": "access-1",
    "refresh_token": "refresh-1",
    "token_type": "DPoP",
    "scope": "atproto blob:*/*",
    "sub": DID,
    "expires_in": 600,
}
CONFIDENTIAL = OAuthClient(
    "confidential",
    "https://me.example.com/client-metadata.json",
    ("https://me.example.com/callback",),
    "atproto",
    {"one": KEY, "spare": SigningKey.from_text("A" * 42 + "I")},
)


def oauth_session(**changes: Any) -> OAuthSession:
    """The session of a public client, received at noon and good for an hour, but for the changes."""
    session = OAuthSession(
        did=DID,
        handle="alice.test",
        pds_url=PDS,
        issuer=ISSUER,
        token_endpoint=f"{ISSUER}/token",
        revocation_endpoint=f"{ISSUER}/revoke",
        client_id="http://localhost?scope=atproto",
        key_id=None,
        dpop_key=KEY.text,
        access_token="access-1",
        refresh_token="refresh-1",
        expires_at=NOON + timedelta(hours=1),
        lifetime_seconds=3600,
        asked="atproto",
        scope="atproto",
        created_at=NOON,
        refreshed_at=NOON,
    )
    return session._replace(**changes)


class KeptSession:
    """A store with one session, which keeps every state that it was in, and every lease."""

    def __init__(self, session: OAuthSession | None) -> None:
        self.states = [session]
        self.held_elsewhere = 0.0
        self.leases: list[float | str] = []
        self.broken = False

    @property
    def now(self) -> OAuthSession | None:
        return self.states[-1]

    @property
    def phases(self) -> list[str]:
        return [session.phase for session in self.states if session]

    def load_oauth(self, did: str) -> OAuthSession | None:
        assert did == DID
        return self.now

    def replace(self, before: OAuthSession, session: OAuthSession) -> bool:
        if self.broken and session.refresh_token != before.refresh_token:
            raise OSError("disk full")
        if self.now is None or not session.may_replace(self.now, before):
            return False
        self.states.append(session)
        return True

    def try_lease(self, did: str, seconds: float) -> bool:
        self.leases.append(seconds)
        self.held_elsewhere -= 1
        return self.held_elsewhere < 0

    def release(self, did: str) -> None:
        self.leases.append("released")


def did_document(place: str, did: str = DID) -> dict[str, Any]:
    """A DID document that names a server."""
    service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": place}
    return {"id": did, "alsoKnownAs": [f"at://{HANDLE}"], "service": [service]}


def script_network(server: Any) -> Any:
    """Let a scripted server be a network with one account, its server, and the authorization server of that."""
    server.on("com.atproto.identity.resolveHandle", responding({"did": DID}))
    server.on(DID, responding(did_document(PDS)))
    server.on(RESOURCE, lambda sent: responding({"resource": origin_of(sent.url), "authorization_servers": [ISSUER]}))
    server.on(SERVER, responding(METADATA))
    server.on("par", responding({"request_uri": "urn:request 1"}, 201))
    server.on("token", responding(TOKENS))
    server.on("revoke", responding({}))
    return server


def responding(value: Any, status: int = 200) -> Response:
    """A response with JSON."""
    return Response(status, {"content-type": "application/json"}, json.dumps(value).encode())


def origin_of(url: str) -> str:
    """The server of a well-known address."""
    return url.partition("/.well-known")[0]
