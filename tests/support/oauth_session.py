"""An OAuth session as values, without any server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from skywrite.atproto.dpop import SigningKey
from skywrite.atproto.oauth_session import OAuthSession

DID = "did:plc:abcdefghijklmnopqrstuvwx"
PDS = "https://pds.example.com"
ISSUER = "https://auth.example.com"
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
KEY = SigningKey.from_text("A" * 42 + "E")


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
