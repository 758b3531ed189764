"""Promises of clients: who they say they are, what is published of them, and how their keys change."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from skywrite.protocol.atproto.dpop import SigningKey
from skywrite.protocol.atproto.oauth_client import (
    client_metadata,
    first_keys,
    loopback_client,
    public_keys,
    with_new_key,
    without_unused,
)
from tests.support.errors import fails
from tests.support.oauth_session import CONFIDENTIAL, ISSUER, KEY, NOON


def parts_of(token: str) -> tuple[Any, Any]:
    """The head and the claims of a JSON Web Token."""
    head, claims, _ = token.split(".")
    return json.loads(base64.urlsafe_b64decode(head + "==")), json.loads(base64.urlsafe_b64decode(claims + "=="))


def test_the_client_that_needs_no_page() -> None:
    """The loopback client's id holds where browsers return to and what it may ask for, encoded as servers expect."""
    client = loopback_client("atproto blob:*/*")
    assert "http://localhost?redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&scope=atproto%20blob%3A%2A%2F%2A" == (
        client.client_id
    )
    assert {"redirect_uri": ["http://127.0.0.1/callback"], "scope": ["atproto blob:*/*"]} == parse_qs(
        urlsplit(client.client_id).query
    )
    assert ("loopback", ("http://127.0.0.1/callback",), "atproto blob:*/*", None) == (
        client.kind,
        client.redirect_uris,
        client.scope,
        client.key_id,
    )


def test_how_a_client_without_keys_is_known() -> None:
    """A client without keys sends its id and nothing else."""
    client = loopback_client("atproto")
    assert {"client_id": client.client_id} == client.credentials(None, ISSUER, NOON)


def test_how_a_client_with_keys_is_known() -> None:
    """A client with keys signs who it is, for one server and a minute, with a number that is never used again."""
    fields = CONFIDENTIAL.credentials("one", ISSUER, NOON)
    head, claims = parts_of(fields["client_assertion"])
    issued = int((NOON - timedelta(seconds=5)).timestamp())
    assert ({"alg": "ES256", "kid": "one"}, CONFIDENTIAL.client_id) == (head, fields["client_id"])
    number = claims.pop("jti")
    assert {
        "iss": CONFIDENTIAL.client_id,
        "sub": CONFIDENTIAL.client_id,
        "aud": ISSUER,
        "iat": issued,
        "exp": issued + 60,
    } == claims
    again = parts_of(CONFIDENTIAL.credentials("one", ISSUER, NOON)["client_assertion"])[1]["jti"]
    assert (22, True) == (len(number), number != again)


def test_a_key_that_is_gone() -> None:
    """A session whose key is gone cannot be used, and the error names the key and what to do."""
    with fails("oauth.key_missing", match="The key lost of the client") as caught:
        CONFIDENTIAL.credentials("lost", ISSUER, NOON)
    assert "sky.oauth.login()" in caught.value.hint


def test_what_is_published_of_a_client_with_keys() -> None:
    """The metadata of a client with keys say where its keys are, and the key set holds nothing private."""
    site = "https://me.example.com"
    metadata = client_metadata(CONFIDENTIAL, client_uri=site, jwks_uri=f"{site}/jwks.json")
    assert {
        "client_id": CONFIDENTIAL.client_id,
        "client_name": "Skywrite",
        "client_uri": site,
        "application_type": "web",
        "redirect_uris": [f"{site}/callback"],
        "scope": "atproto",
        "grant_types": ["authorization_code", "refresh_token"],
        "response_types": ["code"],
        "dpop_bound_access_tokens": True,
        "token_endpoint_auth_method": "private_key_jwt",
        "token_endpoint_auth_signing_alg": "ES256",
        "jwks_uri": f"{site}/jwks.json",
    } == metadata
    first, spare = public_keys(CONFIDENTIAL)["keys"]
    assert {**KEY.public_jwk, "alg": "ES256", "use": "sig", "kid": "one"} == first
    assert "spare" == spare["kid"]


def test_what_is_published_of_a_client_without_keys() -> None:
    """The metadata of a public client say that it has no secret."""
    metadata = client_metadata(loopback_client("atproto"), client_uri="http://localhost", name="Mine")
    assert ("Mine", "native", "none", True) == (
        metadata["client_name"],
        metadata["application_type"],
        metadata["token_endpoint_auth_method"],
        metadata["dpop_bound_access_tokens"],
    )
    assert {"jwks_uri", "token_endpoint_auth_signing_alg"}.isdisjoint(metadata)


@pytest.fixture
def keys() -> Callable[..., dict[str, SigningKey]]:
    """keys(name, ...): keys by these names."""
    return lambda *names: {name: SigningKey.generate() for name in names}


def test_keys_that_turn(keys: Callable[..., dict[str, SigningKey]]) -> None:
    """A new client has a key and a spare; a new key becomes the spare, and what was the spare is used."""
    first = first_keys()
    assert list(first) == [key.thumbprint for key in first.values()]
    turned = with_new_key(first)
    used, spare = first
    assert (2, [used, spare], 3) == (len(first), list(turned)[:2], len(turned))
    assert [used, spare] == [CONFIDENTIAL._replace(keys=held).key_id for held in (first, turned)]


def test_keys_that_nobody_uses(keys: Callable[..., dict[str, SigningKey]]) -> None:
    """Of the older keys only those that sessions are bound to are kept."""
    assert ["b", "c", "d"] == list(without_unused(keys("a", "b", "c", "d"), ["b"]))
    assert ["c", "d"] == list(without_unused(keys("a", "b", "c", "d"), []))
