"""Promises of a sign-in by OAuth: what is pushed, what is checked in what comes back, which servers are believed."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, NoAnswer, RateLimited, SkywriteError, TemporaryError
from skywrite.core.http import Response
from skywrite.protocol.atproto.dpop import DpopTransport, Origins, SigningKey
from skywrite.protocol.atproto.identity import Resolver
from skywrite.protocol.atproto.oauth import OAuthLogin, Pending, find_server, post_form, read_server, returned_values
from skywrite.protocol.atproto.oauth_client import OAuthClient, loopback_client
from skywrite.protocol.atproto.xrpc_errors import ServerFailure
from tests.support.errors import fails, known_as
from tests.support.oauth_session import (
    CONFIDENTIAL,
    DID,
    HANDLE,
    ISSUER,
    KEY,
    METADATA,
    PDS,
    RESOURCE,
    SERVER,
    TOKENS,
    did_document,
    oauth_session,
    origin_of,
    script_network,
)

PLC = "https://plc.example.com"
CALLBACK = "http://127.0.0.1:7777/callback"


def form(sent: Any) -> dict[str, str]:
    """The fields of a form that was posted."""
    return dict(parse_qsl(sent.body.decode(), strict_parsing=True))


def claims(token: str) -> dict[str, Any]:
    """What a JSON Web Token says."""
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return claims


@pytest.fixture
def web(server: Any) -> Any:
    """A network with one account, its server, and the authorization server of that."""
    return script_network(server)


@pytest.fixture
def login(web: Any, clock: FakeClock) -> Callable[..., OAuthLogin]:
    """login(client=): sign-ins on that network, by the loopback client or another one."""

    def make(client: OAuthClient | None = None) -> OAuthLogin:
        resolver = Resolver(web, PLC, service=PDS, clock=clock, allow_local=True)
        return OAuthLogin(web, resolver, client or loopback_client("atproto"), Origins(clock), clock)

    return make


def sent_to(web: Any, name: str) -> list[Any]:
    """The requests whose address ends like this."""
    return [sent for sent in web.sent if sent.nsid == name]


# Before the browser


def test_a_request_is_pushed(web: Any, login: Any) -> None:
    """A sign-in of an account pushes all that is asked for, with the hash of a secret, signed, to its own server."""
    pending = login().begin(HANDLE, "atproto blob:*/*", CALLBACK)
    (pushed,) = sent_to(web, "par")
    challenge = base64.urlsafe_b64encode(hashlib.sha256(pending.verifier.encode()).digest()).decode().rstrip("=")
    assert {
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "atproto blob:*/*",
        "state": pending.state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": HANDLE,
        "client_id": loopback_client("atproto").client_id,
    } == form(pushed)
    assert (20.0, [15.0] * 2) == (
        pushed.timeout_seconds,
        [sent.timeout_seconds for sent in web.sent if ".well-known/oauth" in sent.url],
    )
    assert SigningKey.from_text(pending.dpop_key).public_jwk == proof_of(pushed)["jwk"]
    assert (43, 32) == (len(pending.verifier), len(pending.state))
    address = urlsplit(pending.url)
    assert f"{ISSUER}/authorize" == f"{address.scheme}://{address.netloc}{address.path}"
    assert {"client_id": [pending.client_id], "request_uri": ["urn:request 1"]} == parse_qs(address.query)
    assert (DID, None, ISSUER, CALLBACK) == (pending.did, pending.key_id, pending.server.issuer, pending.redirect_uri)


def proof_of(sent: Any) -> dict[str, Any]:
    """The head of a request's proof."""
    head: dict[str, Any] = json.loads(base64.urlsafe_b64decode(sent.headers["dpop"].split(".")[0] + "=="))
    return head


def test_each_sign_in_has_secrets_of_its_own(login: Any) -> None:
    """State, verifier and key are new for each sign-in."""
    one, other = (login().begin(HANDLE, "atproto", CALLBACK) for _ in range(2))
    assert len({one.state, other.state, one.verifier, other.verifier, one.dpop_key, other.dpop_key}) == 6


def test_the_port_of_a_listener(login: Any) -> None:
    """The port of a listener stands at the end of the state, and nothing does without one."""
    assert login().begin(HANDLE, "atproto", CALLBACK, port=7777).state.endswith(".7777")
    assert "." not in login().begin(HANDLE, "atproto", CALLBACK).state


def test_a_sign_in_without_a_name(web: Any, login: Any) -> None:
    """A server alone is enough: whoever signs in there is asked for nothing here."""
    pending = login().begin(None, "atproto", CALLBACK, pds_url=PDS)
    assert ("login_hint" in form(sent_to(web, "par")[0]), pending.did) == (False, None)
    with pytest.raises(InputError, match="Name an account or a server"):
        login().begin(None, "atproto", CALLBACK)


def test_the_account_decides_where_it_signs_in(web: Any, login: Any) -> None:
    """An account is signed in at its own server, whichever other one was named."""
    login().begin(HANDLE, "atproto", CALLBACK, pds_url="https://other.example.com")
    assert [f"{PDS}/.well-known/{RESOURCE}"] == [sent.url for sent in sent_to(web, RESOURCE)]


def test_an_authorization_page_with_a_query(web: Any, login: Any, answer: Any) -> None:
    """An address that has a query already gets ours behind it."""
    web.on(SERVER, answer({**METADATA, "authorization_endpoint": f"{ISSUER}/authorize?a=b"}))
    pending = login().begin(HANDLE, "atproto", CALLBACK)
    assert ["a", "client_id", "request_uri"] == list(parse_qs(urlsplit(pending.url).query))


@pytest.mark.parametrize("where", [7, "urn:" + "a" * 1_000_000])
def test_a_push_without_a_result(web: Any, login: Any, answer: Any, where: Any) -> None:
    """A server that does not say where to go on, or with an address that nobody can open, has given no answer."""
    web.on("par", answer({"request_uri": where}))
    with pytest.raises(NoAnswer, match=r"auth\.example\.com did not say"):
        login().begin(HANDLE, "atproto", CALLBACK)


# After the browser


def came_back(pending: Pending, **changes: str) -> dict[str, str]:
    """What the browser brings back, but for the changes."""
    return {"state": pending.state, "iss": ISSUER, "code": "the-code", **changes}


def test_a_session_begins(web: Any, login: Any, clock: FakeClock) -> None:
    """The code is exchanged with the verifier and the same key, and the session holds what came and where from."""
    signing = login()
    pending = signing.begin(HANDLE, "atproto blob:*/*", CALLBACK)
    session = signing.finish(pending, came_back(pending))
    (exchanged,) = sent_to(web, "token")
    expected = {
        "grant_type": "authorization_code",
        "code": "the-code",
        "redirect_uri": CALLBACK,
        "code_verifier": pending.verifier,
        "client_id": pending.client_id,
    }
    assert (expected, 20.0) == (form(exchanged), exchanged.timeout_seconds)
    assert SigningKey.from_text(session.dpop_key).public_jwk == proof_of(exchanged)["jwk"]
    assert session == oauth_session(
        client_id=pending.client_id,
        dpop_key=pending.dpop_key,
        expires_at=clock.now() + timedelta(seconds=600),
        lifetime_seconds=600,
        asked="atproto blob:*/*",
        scope="atproto blob:*/*",
    )


def test_a_token_without_a_lifetime(web: Any, login: Any, answer: Any, clock: FakeClock) -> None:
    """A token that does not say how long it lives is used for an hour."""
    web.on("token", answer({name: value for name, value in TOKENS.items() if name != "expires_in"}))
    signing = login()
    pending = signing.begin(HANDLE, "atproto", CALLBACK)
    assert clock.now() + timedelta(hours=1) == signing.finish(pending, came_back(pending)).expires_at


def test_an_account_that_was_not_named(login: Any) -> None:
    """Without a name, whoever signed in is the account."""
    signing = login()
    pending = signing.begin(None, "atproto", CALLBACK, pds_url=PDS)
    session = signing.finish(pending, came_back(pending))
    assert (DID, HANDLE) == (session.did, session.handle)


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"sub": None}, NoAnswer, "sent no usable tokens"),
        ({"access_token": "a b"}, NoAnswer, "sent no usable tokens"),
        ({"access_token": None}, NoAnswer, "sent no usable tokens"),
        ({"refresh_token": "a\r\nb"}, NoAnswer, "sent no usable tokens"),
        ({"token_type": "Bearer"}, "oauth.unsupported", "not for AT Protocol"),
        ({"scope": "openid"}, "oauth.unsupported", "not for AT Protocol"),
        ({"scope": "atproto-like"}, "oauth.unsupported", "not for AT Protocol"),
        ({"scope": None}, "oauth.unsupported", "not for AT Protocol"),
        ({"sub": "did:plc:zyxwvutsrqponmlkjihgfedc"}, "oauth.wrong_account", f"signed in, not {DID}"),
    ],
)
def test_tokens_that_are_not_taken(
    web: Any, login: Any, answer: Any, changes: dict[str, Any], kind: type[SkywriteError], message: str
) -> None:
    """Tokens that are none, or that are for somebody or something else, are revoked at once."""
    web.on("token", answer({**TOKENS, **changes}))
    web.on("did:plc:zyxwvutsrqponmlkjihgfedc", answer(did_document(PDS, "did:plc:zyxwvutsrqponmlkjihgfedc")))
    signing = login()
    pending = signing.begin(HANDLE, "atproto", CALLBACK)
    with fails(kind, match=message):
        signing.finish(pending, came_back(pending))
    (revoked,) = sent_to(web, "revoke")
    token = {**TOKENS, **changes}["refresh_token"]
    assert {"token": token, "client_id": pending.client_id} == form(revoked)


def test_nothing_to_revoke(web: Any, login: Any, answer: Any) -> None:
    """Without a refresh token there is nothing to revoke."""
    web.on("token", answer({**TOKENS, "refresh_token": None}))
    signing = login()
    pending = signing.begin(HANDLE, "atproto", CALLBACK)
    with pytest.raises(NoAnswer):
        signing.finish(pending, came_back(pending))
    assert [] == sent_to(web, "revoke")


@pytest.mark.parametrize("status", [400, 429, 503])
def test_a_revocation_that_fails(web: Any, login: Any, answer: Any, status: int) -> None:
    """A revocation that fails does not hide why the tokens were not taken."""
    web.on("token", answer({**TOKENS, "token_type": "Bearer"}))
    web.on("revoke", answer({}, status))
    signing = login()
    pending = signing.begin(HANDLE, "atproto", CALLBACK)
    with fails("oauth.unsupported", match="not for AT Protocol"):
        signing.finish(pending, came_back(pending))


def test_a_server_that_signs_in_accounts_of_others(web: Any, login: Any, answer: Any) -> None:
    """A server may not speak for an account whose own server names another issuer."""
    other = "https://other.example.com"

    def metadata(sent: Any) -> Response:
        place = origin_of(sent.url)
        ends = {name: str(value).replace(ISSUER, place) for name, value in METADATA.items() if "endpoint" in name}
        return answer({**METADATA, **ends, "issuer": place})  # type: ignore[no-any-return]  # a fixture

    web.on(SERVER, metadata)
    signing = login()
    pending = signing.begin(None, "atproto", CALLBACK, pds_url=PDS)
    web.on(RESOURCE, answer({"resource": PDS, "authorization_servers": [other]}))
    with fails("oauth.wrong_account", match=f"accounts of its server {PDS} sign in at {other}") as caught:
        signing.finish(pending, came_back(pending))
    assert ("Use the account's own handle.", 1) == (caught.value.hint, len(sent_to(web, "revoke")))


def test_an_account_that_moved_during_the_sign_in(web: Any, login: Any, answer: Any) -> None:
    """The account's document is read anew when it comes back, so that a move in between is seen."""
    signing = login()
    pending = signing.begin(HANDLE, "atproto", CALLBACK)
    web.on(DID, answer(did_document("https://new.example.com")))
    assert "https://new.example.com" == signing.finish(pending, came_back(pending)).pds_url


@pytest.mark.parametrize(
    ("changes", "kind", "message"),
    [
        ({"state": "other"}, "oauth.redirect_forged", "belongs to another sign-in"),
        ({"state": ""}, "oauth.redirect_forged", "belongs to another sign-in"),
        ({"iss": "https://evil.example.com"}, "oauth.redirect_forged", f"not from {ISSUER}"),
        ({"iss": ""}, "oauth.redirect_forged", f"not from {ISSUER}"),
        ({"code": ""}, "oauth.redirect_forged", "contains no code"),
        ({"error": "access_denied"}, "oauth.denied", "not completed: access_denied"),
        ({"error": "access_denied", "error_description": "The user said no"}, "oauth.denied", "The user said no"),
        ({"error": "access_denied", "state": "other"}, "oauth.redirect_forged", "belongs to another sign-in"),
    ],
)
def test_what_the_browser_must_bring_back(
    web: Any, login: Any, changes: dict[str, str], kind: type[SkywriteError], message: str
) -> None:
    """Anything but the state, the issuer and a code of this sign-in is refused before any code is sent."""
    signing = login()
    pending = signing.begin(HANDLE, "atproto", CALLBACK)
    with fails(kind, match=message):
        signing.finish(pending, came_back(pending, **changes))
    assert [] == sent_to(web, "token")


def test_a_long_refusal_is_cut(login: Any) -> None:
    """Of what a page says about a refusal, 200 characters are shown."""
    signing = login()
    pending = signing.begin(HANDLE, "atproto", CALLBACK)
    with fails("oauth.denied") as caught:
        signing.finish(pending, came_back(pending, error="e", error_description="x" * 300))
    assert 200 == caught.value.message.count("x")


@pytest.mark.parametrize(
    ("address", "values"),
    [
        (" http://127.0.0.1/callback?code=a&state=b \n", {"code": "a", "state": "b"}),
        ("https://me.example.com/callback#code=a&state=b", {"code": "a", "state": "b"}),
        ("/callback?code=a&code=b", {"code": "a"}),
        ("/callback?code=a#state=b", {"code": "a"}),
        ("nonsense", {}),
    ],
)
def test_values_of_an_address(address: str, values: dict[str, str]) -> None:
    """The values are in the query, or else in the fragment; the first of two counts."""
    assert values == returned_values(address)


# Which servers are believed


def found(web: Any, clock: FakeClock, place: str = PDS) -> str:
    """The issuer for a server."""
    return find_server(web, place, Origins(clock)).issuer


def test_an_entryway(web: Any, answer: Any, clock: FakeClock) -> None:
    """A server that is no protected resource is its own authorization server."""
    web.on(RESOURCE, answer({}, 404))
    assert ISSUER == found(web, clock, f"{ISSUER}/")


@pytest.mark.parametrize(
    "changes",
    [
        {"resource": "https://evil.example.com"},
        {"resource": None},
        {"authorization_servers": None},
        {"authorization_servers": []},
        {"authorization_servers": [ISSUER, "https://evil.example.com"]},
        {"authorization_servers": ISSUER[:1]},
        {"authorization_servers": ["https://evil.example.com/path"]},
        {"authorization_servers": ["http://auth.example.com"]},
    ],
)
def test_a_resource_that_is_not_clear(web: Any, answer: Any, clock: FakeClock, changes: dict[str, Any]) -> None:
    """A server must say that it is itself, and name one issuer: https, without a path."""
    web.on(RESOURCE, answer({"resource": PDS, "authorization_servers": [ISSUER], **changes}))
    with fails("oauth.unsupported"):
        found(web, clock)
    assert [] == sent_to(web, SERVER)


@pytest.mark.parametrize(
    "changes",
    [
        {"issuer": "https://evil.example.com"},
        {"issuer": None},
        {"code_challenge_methods_supported": ["plain"]},
        {"code_challenge_methods_supported": "S256"},
        {"code_challenge_methods_supported": None},
        {"dpop_signing_alg_values_supported": ["RS256"]},
        {"authorization_response_iss_parameter_supported": False},
        {"authorization_response_iss_parameter_supported": "true"},
        {"authorization_endpoint": "http://auth.example.com/authorize"},
        {"token_endpoint": None},
        {"token_endpoint": "http://auth.example.com/token"},
        {"token_endpoint": "https://10.0.0.1/token"},
        {"token_endpoint": "http://localhost/token"},
        {"token_endpoint": "https://auth.example.com/\x1b[31m"},
        {"token_endpoint": "https://auth.example.com/\xe4"},
        {"pushed_authorization_request_endpoint": 7},
        {"revocation_endpoint": "https://user@auth.example.com/revoke"},
    ],
)
def test_metadata_that_do_not_fit(web: Any, answer: Any, clock: FakeClock, changes: dict[str, Any]) -> None:
    """A server whose metadata breaks one rule is not signed in at; the hint offers an app password."""
    web.on(SERVER, answer({**METADATA, **changes}))
    with fails("oauth.unsupported", match="in a way that AT Protocol does not allow") as caught:
        found(web, clock)
    assert "app password" in caught.value.hint


def test_endpoints_elsewhere(web: Any, answer: Any, clock: FakeClock) -> None:
    """Each endpoint is taken from its own field, and may be on another public host."""
    names = ("authorization", "token", "pushed_authorization_request", "revocation")
    ends = {f"{name}_endpoint": f"https://{name.replace('_', '-')}.example.com/" for name in names}
    web.on(SERVER, answer({**METADATA, **ends}))
    _, authorization, token, par, revocation = find_server(web, PDS, Origins(clock))
    assert list(ends.values()) == [authorization, token, par, revocation]


def test_a_server_on_this_computer(web: Any, answer: Any, clock: FakeClock) -> None:
    """A server on this computer may name an issuer here, with plain http; a public one may not."""
    local = "http://localhost:2583"
    ends = {name: str(value).replace(ISSUER, local) for name, value in METADATA.items() if "endpoint" in name}
    web.on(SERVER, answer({**METADATA, **ends, "issuer": local}))
    web.on(
        RESOURCE,
        lambda sent: answer({"resource": origin_of(sent.url), "authorization_servers": [local]}),
    )
    assert local == found(web, clock, local)
    assert local == read_server(web, f"{local}/", Origins(clock)).issuer
    with fails("oauth.unsupported", match="is not the address of an authorization server"):
        found(web, clock)


@pytest.mark.parametrize(
    ("issuer", "fits"),
    [
        ("https://auth.example.com", True),
        ("https://auth.example.com:8443", True),
        ("https://auth.example.com:443", False),
        ("https://auth.example.com/path", False),
        ("https://auth.example.com?query", False),
        ("https://auth.example.com#fragment", False),
        ("https://user@auth.example.com", False),
        ("https://:word@auth.example.com", False),
        ("https://auth.example.com:99999", False),
        ("https://", False),
        ("https://\xe4uth.example.com", False),
        ("https://auth.example.com\x7f", False),
        ("http://auth.example.com", False),
        ("http://localhost", True),
        ("http://localhost:80", False),
        ("http://127.0.0.1:2583", True),
        ("https://[::1]:2583", True),
        ("ftp://localhost", False),
        ("https://auth.example.test", False),
    ],
)
def test_addresses_of_issuers(web: Any, answer: Any, clock: FakeClock, issuer: str, fits: bool) -> None:
    """An issuer is an https address of a public host, or of this computer, with nothing else in it."""
    web.on(SERVER, answer({}, 404))
    with fails("oauth.unsupported") as caught:
        read_server(web, issuer, Origins(clock))
    assert fits == ("does not offer OAuth" in caught.value.message)
    assert int(fits) == len(web.sent)


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        *[(status, "oauth.unsupported", "does not offer OAuth") for status in (400, 404, 405, 501)],
        *[(status, ServerFailure, f"responded with {status}") for status in (429, 500, 503)],
        *[(status, "oauth.unsupported", "does not say how its accounts sign in") for status in (201, 302, 401, 499)],
    ],
)
def test_servers_that_send_no_metadata(
    web: Any, answer: Any, clock: FakeClock, status: int, kind: type[SkywriteError], message: str
) -> None:
    """A server that has no metadata is told from one that fails for now, and from one that says nonsense."""
    web.on(SERVER, answer(METADATA, status))
    with fails(kind, match=message):
        found(web, clock)


@pytest.mark.parametrize("body", [b"", b"[]", b"no", b"[" * 150_000, b'{"issuer": 1}' + b" " * 200_000])
def test_metadata_that_are_none(web: Any, clock: FakeClock, body: bytes) -> None:
    """Metadata are a JSON object of 200 kB at the most."""
    web.on(SERVER, Response(200, {}, body))
    with fails("oauth.unsupported", match="does not say how"):
        found(web, clock)


def test_the_longest_metadata(web: Any, clock: FakeClock) -> None:
    """Metadata of 200,000 bytes are read."""
    web.on(SERVER, Response(200, {}, json.dumps(METADATA).encode().ljust(200_000)))
    assert ISSUER == found(web, clock)


# Requests to an authorization server


@pytest.fixture
def post(web: Any, clock: FakeClock) -> Callable[..., dict[str, Any]]:
    """post(client=, key_id=): post a secret to the token endpoint."""

    def make(client: OAuthClient | None = None, key_id: str | None = None) -> dict[str, Any]:
        origins = Origins(clock)
        signed = DpopTransport(web, KEY, origins, repeats=key_id is None)
        oauth_client = client or loopback_client("atproto")
        return post_form(signed, ISSUER, f"{ISSUER}/token", {"code": "secret"}, oauth_client, key_id, origins, clock)

    return make


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b'{"a": 1}', {"a": 1}),
        (299, b'{"a": 1}', {"a": 1}),
        (200, b"", {}),
        (200, b"[]", NoAnswer),
        (200, b"no", NoAnswer),
        (200, b"[" * 150_000, NoAnswer),
        (199, b"{}", ServerFailure),
        (300, b"{}", ServerFailure),
        (399, b"{}", ServerFailure),
        (400, b"{}", "oauth.refused"),
        (499, b"{}", "oauth.refused"),
        (500, b"{}", ServerFailure),
        (503, b"{}", ServerFailure),
        (429, b"{}", RateLimited),
    ],
)
def test_what_a_status_means(web: Any, post: Any, status: int, body: bytes, expected: Any) -> None:
    """A response is JSON or empty; a refusal is told from a failure and from a limit."""
    web.on("token", Response(status, {"retry-after": "90"}, body))
    if isinstance(expected, dict):
        assert expected == post()
        return
    with fails(expected) as caught:
        post()
    assert expected == known_as(caught.value, expected)
    assert isinstance(caught.value, TemporaryError) == (expected != "oauth.refused")
    assert "auth.example.com" in caught.value.message


def test_a_limit_says_until_when(web: Any, post: Any, answer: Any, clock: FakeClock) -> None:
    """A limit of sign-ins names its end."""
    web.on("token", answer({}, 429, retry_after="90"))
    with pytest.raises(RateLimited) as caught:
        post()
    assert clock.now() + timedelta(seconds=90) == caught.value.until


@pytest.mark.parametrize(
    ("body", "message", "error"),
    [
        (b'{"error": "e", "error_description": "It  is\\n late."}', "refused the sign-in: It is late (e).", "e"),
        (b'{"error": "e", "error_description": "Your secret"}', "refused the sign-in: Your [hidden] (e).", "e"),
        (b'{"error": "e"}', "refused the sign-in: no reason given (e).", "e"),
        (b'{"error": 7, "error_description": null}', "refused the sign-in: no reason given (403).", "403"),
        (b"no", "refused the sign-in: no reason given (403).", "403"),
        (b"[]", "refused the sign-in: no reason given (403).", "403"),
        (b"[" * 150_000, "refused the sign-in: no reason given (403).", "403"),
        (b'{"error_description": "' + b"x" * 400 + b'"}', f"refused the sign-in: {'x' * 300} (403).", "403"),
    ],
)
def test_what_a_refusal_says(web: Any, post: Any, body: bytes, message: str, error: str) -> None:
    """A refusal names the server, the reason in a line without what we sent, and the error."""
    web.on("token", Response(403, {}, body))
    with fails("oauth.refused") as caught:
        post()
    assert (f"auth.example.com {message}", 403, error) == (
        caught.value.message,
        caught.value.status,
        caught.value.server_error,
    )


def test_a_client_with_keys_asks_for_the_time_first(web: Any, post: Any, answer: Any, clock: FakeClock) -> None:
    """What a client signs is dated by the server's clock, which is asked for once; a public client asks for nothing."""
    ahead = clock.now() + timedelta(minutes=10)
    web.on(SERVER, answer(METADATA, date=format_datetime(ahead, usegmt=True)))
    post()
    assert ["token"] == [sent.nsid for sent in web.sent]
    web.sent.clear()
    post(CONFIDENTIAL, "one")
    assert ([SERVER, "token"], 15.0) == ([sent.nsid for sent in web.sent], web.sent[0].timeout_seconds)
    sent = form(web.sent[1])
    signed = claims(sent.pop("client_assertion"))
    assert (CONFIDENTIAL.client_id, ISSUER, 60) == (signed["iss"], signed["aud"], signed["exp"] - signed["iat"])
    assert int(ahead.timestamp()) - 5 == signed["iat"]
    assert {
        "code": "secret",
        "client_id": CONFIDENTIAL.client_id,
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    } == sent
    assert "application/x-www-form-urlencoded" == web.sent[1].headers["content-type"]


def test_a_known_clock_is_not_asked_for_again(web: Any, login: Any) -> None:
    """A sign-in has read the server's metadata, so that no further request is needed for its time."""
    login(CONFIDENTIAL).begin(HANDLE, "atproto", CALLBACK)
    assert (1, 1) == (len(sent_to(web, SERVER)), len(sent_to(web, "par")))


@pytest.mark.parametrize(("client", "key_id"), [(None, None), (CONFIDENTIAL, "one")])
def test_a_new_nonce(web: Any, post: Any, answer: Any, client: OAuthClient | None, key_id: str | None) -> None:
    """A request that is refused for its nonce is sent once more, with a new proof and a new assertion."""
    web.on("token", answer({"error": "use_dpop_nonce"}, 400, dpop_nonce="n"), answer({"a": 1}))
    assert {"a": 1} == post(client, key_id)
    first, second = sent_to(web, "token")
    assert (None, "n") == (claims(first.headers["dpop"]).get("nonce"), claims(second.headers["dpop"])["nonce"])
    assert 20.0 == first.timeout_seconds == second.timeout_seconds
    assert first.headers["content-type"] == second.headers["content-type"]
    if key_id:
        assert form(first)["client_assertion"] != form(second)["client_assertion"]
    else:
        assert first.body == second.body


def test_a_sign_in_by_a_client_with_keys(web: Any, login: Any, answer: Any) -> None:
    """A client with keys signs each request of the sign-in with the key that is in use, not with the spare one."""
    web.on("par", answer({"error": "use_dpop_nonce"}, 400, dpop_nonce="n"), answer({"request_uri": "urn:1"}))
    signing = login(CONFIDENTIAL)
    pending = signing.begin(HANDLE, "atproto", "https://me.example.com/callback")
    session = signing.finish(pending, came_back(pending))
    assert ("one", "one", CONFIDENTIAL.client_id) == (pending.key_id, session.key_id, session.client_id)
    assertions = [form(sent)["client_assertion"] for name in ("par", "token") for sent in sent_to(web, name)]
    assert 3 == len({claims(one)["jti"] for one in assertions})
