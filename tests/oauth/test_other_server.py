"""The same sign-in and refresh at a second authorization server, written by others: oidc-provider."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.core.http import Response
from skywrite.protocol.atproto.dpop import SigningKey
from skywrite.protocol.atproto.oauth_client import OAuthClient, client_metadata, loopback_client, public_keys
from skywrite.protocol.atproto.oauth_refresh import InvalidGrant
from skywrite.protocol.atproto.oauth_scopes import ALWAYS, scope_of
from tests.oauth.support import MovedClock, Wire
from tests.support.errors import fails
from tests.support.oauth import returned
from tests.support.pds import SCRIPTS, prepared_node
from tests.support.processes import PATIENCE_SECONDS, Child

DID = "did:plc:abcdefghijklmnopqrstuvwx"
HANDLE = "carol.test"
WHO = "com.atproto.server.getSession"
SCOPE = scope_of(ALWAYS)
CALLBACK = "http://127.0.0.1:7777/callback"
PLC = "http://plc.test"


@contextmanager
def running_server(clients: list[dict[str, Any]]) -> Iterator[str]:
    """The address of a running server that knows these clients."""
    environ = {"DID": DID, "HANDLE": HANDLE, "CLIENTS": json.dumps(clients), "SCOPES": SCOPE.removeprefix("atproto ")}
    child = Child([prepared_node("oidc"), SCRIPTS / "oidc" / "server.mjs"], environ=environ)
    try:
        yield str(json.loads(child.wait_for_line('{"url"'))["url"])
    finally:
        child.stop()


class Directory(Wire):
    """A web whose directory says that the account lives at the server of this test."""

    def __init__(self, server: str) -> None:
        super().__init__()
        self._server = server

    def request(self, method: str, url: str, **more: Any) -> Response:
        if not url.startswith(PLC):
            return super().request(method, url, **more)
        service = {"id": "#atproto_pds", "type": "AtprotoPersonalDataServer", "serviceEndpoint": self._server}
        document = {"id": DID, "alsoKnownAs": [f"at://{HANDLE}"], "service": [service]}
        return Response(200, {"content-type": "application/json"}, json.dumps(document).encode())


def browse(url: str) -> str:
    """Follow the server's redirects, with its cookies, to the address that leads back to the client."""
    cookies: dict[str, str] = {}
    for _ in range(8):
        parts = urlsplit(url)
        connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE_SECONDS)
        sent = {"cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
        connection.request("GET", f"{parts.path}?{parts.query}" if parts.query else parts.path, headers=sent)
        answer = connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition(";")[0].partition("=")
                cookies[key] = rest
        connection.close()
        assert answer.status in (302, 303), f"{url} answered {answer.status}: {text[:500]}"
        url = urljoin(url, answer.getheader("location") or "")
        if not url.startswith(f"{parts.scheme}://{parts.netloc}/"):
            return url
    raise AssertionError("the server does not lead back")


def confidential() -> tuple[OAuthClient, dict[str, Any]]:
    """A confidential client, and what the server knows of it."""
    keys = {key.thumbprint: key for key in (SigningKey.generate(), SigningKey.generate())}
    address = "https://me.example.com"
    client = OAuthClient("confidential", f"{address}/client.json", (f"{address}/callback",), SCOPE, keys)
    metadata = client_metadata(client, client_uri=address)
    return client, {**metadata, "jwks": public_keys(client), "jwks_uri": None}


def public() -> tuple[OAuthClient, dict[str, Any]]:
    """The loopback client, and what the server knows of it."""
    client = loopback_client(SCOPE)
    return client, client_metadata(client, client_uri="http://localhost")


@pytest.fixture(params=[public, confidential])
def signed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Skywrite, Directory, MovedClock]]:
    """A process that has signed in at such a server."""
    client, metadata = request.param()
    published_metadata = {name: value for name, value in metadata.items() if value is not None}
    with running_server([published_metadata]) as server:
        web, clock = Directory(server), MovedClock()
        config = load_config({"SKYWRITE_HOME": str(tmp_path), "SKYWRITE_PLC_URL": PLC, "BLUESKY_PDS": server})
        with Skywrite(config=config, transport=web, clock=clock) as sky:
            if client.keys:
                sky.oauth.keep_client(client)
            redirect_uri = client.redirect_uris[0] if client.keys else CALLBACK
            pending = sky.oauth.begin(HANDLE, pds=server, client=client, redirect_uri=redirect_uri)
            done = sky.oauth.finish(pending, returned(browse(pending.url)))
            assert (DID, HANDLE, ()) == (done.account.did, done.account.handle, done.missing)
            yield sky, web, clock


def test_sign_in_call_and_refresh(signed: tuple[Skywrite, Directory, MovedClock]) -> None:
    """A sign-in, a call, and two refreshes go as at the reference server."""
    sky, _, clock = signed
    agent = sky.context.agent(sky.accounts.get())
    assert DID == agent.query(WHO)["did"]
    for _ in range(2):
        before = agent.session
        clock.forward(3600 - 500)
        assert DID == agent.query(WHO)["did"]
        assert before != agent.session


def test_a_second_use_ends_the_session(signed: tuple[Skywrite, Directory, MovedClock]) -> None:
    """This server, too, ends a session whose refresh token comes twice: the control of the whole machine."""
    sky, _, _ = signed
    session = sky.context.store.sessions.load_oauth(DID)
    assert session is not None
    server = sky.oauth.authenticator(session)._server
    server.refresh(session, float("inf"))
    with pytest.raises(InvalidGrant):
        server.refresh(session, float("inf"))


def test_logout(signed: tuple[Skywrite, Directory, MovedClock]) -> None:
    """Signing out ends the session there."""
    sky, _, _ = signed
    session = sky.context.store.sessions.load_oauth(DID)
    assert session is not None
    sky.oauth.authenticator(session).end()
    with fails("session.over"):
        sky.context.agent(sky.accounts.get()).refresh()
