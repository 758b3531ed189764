"""Signing in, staying signed in, and who may do what."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import timedelta
from typing import Any

import pytest

from tests.contract.asking import NOBODY, Server, Writer, post

CREATE = "com.atproto.server.createSession"
REFRESH = "com.atproto.server.refreshSession"
UNVERIFIED = (400, "InvalidToken", "Token could not be verified")
AUTH_MISSING = (401, "AuthMissing", "Authentication Required")
SERVER_DID = "did:web:localhost"
PROTECTED = "com.atproto.server.createAppPassword"


def claims_of(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return claims


def minted(server: Server, claims: dict[str, Any], token_type: str = "at+jwt") -> str:
    """A token as the server itself would sign it."""

    def packed(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).rstrip(b"=").decode()

    head = ".".join(packed(json.dumps(part).encode()) for part in ({"typ": token_type, "alg": "HS256"}, claims))
    return f"{head}.{packed(hmac.digest(server.jwt_secret.encode(), head.encode(), hashlib.sha256))}"


def access_claims(did: str, **changed: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"scope": "com.atproto.appPass", "aud": SERVER_DID, "sub": did, "iat": now, "exp": now + 600, **changed}


def test_sign_in(alice: Writer) -> None:
    """A session says who signed in, and its tokens live 120 minutes and 90 days."""
    answer = alice.sign_in()
    facts = {key: value for key, value in answer.body.items() if not key.endswith("Jwt")}
    assert facts == {
        "did": alice.did,
        "handle": alice.account.handle,
        "email": f"{alice.account.handle}@example.com",
        "emailConfirmed": False,
        "active": True,
    }
    access, refresh = claims_of(answer.body["accessJwt"]), claims_of(answer.body["refreshJwt"])
    # A server may look at its clock once for each, and a second may begin in between.
    assert 0 <= access["exp"] - access["iat"] - 7200 <= 1
    assert 0 <= refresh["exp"] - refresh["iat"] - 90 * 86400 <= 1
    assert (access["scope"], refresh["scope"]) == ("com.atproto.appPass", "com.atproto.refresh")
    assert {access["aud"], refresh["aud"]} == {SERVER_DID}
    assert {access["sub"], refresh["sub"]} == {alice.did}


def test_scope_of_main_password(newcomer: Writer) -> None:
    """The main password gives full access, and the token says so."""
    answer = newcomer.sign_in(newcomer.account.password)
    assert claims_of(answer.body["accessJwt"])["scope"] == "com.atproto.access"


@pytest.mark.parametrize("by", ["did", "e-mail", "capitals"])
def test_identifiers(server: Server, alice: Writer, by: str) -> None:
    """One may sign in by DID and by e-mail address, and with a handle in capitals."""
    handle = alice.account.handle
    identifier = {"did": alice.did, "e-mail": f"{handle}@example.com", "capitals": handle.upper()}[by]
    answer = server.ask(CREATE, {"identifier": identifier, "password": alice.account.app_password})
    assert (answer.status, answer.body["did"]) == (200, alice.did)


@pytest.mark.parametrize("identifier", ["nobody.test", "nonsense", "a@example.org", NOBODY])
def test_unknown_account(server: Server, identifier: str) -> None:
    """An unknown account and a wrong password are told alike."""
    answer = server.ask(CREATE, {"identifier": identifier, "password": "x"})
    assert answer.error == (401, "AuthenticationRequired", "Invalid identifier or password")


def test_wrong_password(alice: Writer) -> None:
    """A wrong password is refused."""
    answer = alice.sign_in("wrong")
    assert answer.error == (401, "AuthenticationRequired", "Invalid identifier or password")


@pytest.mark.parametrize(
    ("body", "headers", "error"),
    [
        (b"{}", {}, (400, "InvalidRequest", "Request encoding (Content-Type) required but not provided")),
        (b"", {}, (400, "InvalidRequest", "Request encoding (Content-Type) required but not provided")),
        (
            b"{}",
            {"Content-Type": "foo"},
            (400, "InvalidRequest", "Request encoding (Content-Type) required but not provided"),
        ),
        (
            b"{}",
            {"Content-Type": "text/plain"},
            (400, "InvalidRequest", "Wrong request encoding (Content-Type): text/plain"),
        ),
        (b"", {"Content-Type": "application/json"}, (400, "InvalidRequest", 'Missing required key "identifier" at $')),
        (
            b"[1, 2, 3]",
            {"Content-Type": "application/json"},
            (400, "InvalidRequest", "Expected object value type (got [1, 2, ...]) at $"),
        ),
        (
            b'{"identifier": 1}',
            {"Content-Type": "application/json"},
            (400, "InvalidRequest", "Expected string value type (got 1) at $.identifier"),
        ),
        (
            b"{}",
            {"Content-Type": "application/json", "Content-Encoding": "foo"},
            (415, "UnsupportedMediaTypeError", 'unsupported content encoding "foo"'),
        ),
    ],
)
def test_wrong_bodies(server: Server, body: bytes, headers: dict[str, str], error: tuple[int, str, str]) -> None:
    """A body has the right type, is JSON, and holds what it must."""
    assert server.ask(CREATE, body, headers=headers).error == error


@pytest.mark.parametrize("body", [b"{a", b'"x"', b"nothing"])
def test_no_json(server: Server, body: bytes) -> None:
    """A body that is no JSON is a SyntaxError."""
    answer = server.ask(CREATE, body, headers={"Content-Type": "application/json"})
    assert answer.error[:2] == (400, "SyntaxError")


def test_get_session(alice: Writer) -> None:
    """A session can be asked whose it is."""
    answer = alice.get("com.atproto.server.getSession")
    assert (answer.status, answer.body["did"], answer.body["active"]) == (200, alice.did, True)


HEADERS: dict[str, tuple[str | None, tuple[int, str, str]]] = {
    "none": (None, AUTH_MISSING),
    "no token": ("Bearer x", UNVERIFIED),
    "basic": ("Basic x", (400, "InvalidToken", "Unexpected authorization type")),
    "half": ("Bearer", (400, "InvalidToken", "Malformed authorization header")),
    "unknown": ("Magic x", (400, "InvalidToken", "Unsupported authorization type: Magic")),
}


@pytest.mark.parametrize(("header", "error"), HEADERS.values(), ids=HEADERS)
def test_wrong_headers(server: Server, header: str | None, error: tuple[int, str, str]) -> None:
    """A request without a good token is told what is wrong with it."""
    headers = {"Authorization": header} if header else {}
    assert server.ask("com.atproto.server.getSession", headers=headers).error == error


TOKENS: dict[str, tuple[dict[str, Any], str, tuple[int, str, str]]] = {
    "run out": ({"exp": int(time.time()) - 10}, "at+jwt", (400, "ExpiredToken", "Token has expired")),
    "for another server": ({"aud": "did:web:example.com"}, "at+jwt", UNVERIFIED),
    "for another server and run out": ({"aud": "did:web:example.com", "exp": 1}, "at+jwt", UNVERIFIED),
    "of another type": ({}, "refresh+jwt", UNVERIFIED),
    "of another scope": ({"scope": "com.atproto.refresh"}, "at+jwt", (400, "InvalidToken", "Bad token scope")),
    "for one method": ({"lxm": "a.b.c"}, "at+jwt", (400, "InvalidToken", "Malformed token")),
    "of nobody": (
        {"sub": NOBODY},
        "at+jwt",
        (400, "InvalidRequest", f"Could not find user info for account: {NOBODY}"),
    ),
}


@pytest.mark.parametrize(("changed", "token_type", "error"), TOKENS.values(), ids=TOKENS)
def test_wrong_tokens(
    server: Server, alice: Writer, changed: dict[str, Any], token_type: str, error: tuple[int, str, str]
) -> None:
    """A token that cannot be used is told why: only one that has run out is worth a refresh."""
    token = minted(server, access_claims(alice.did, **changed), token_type)
    assert server.ask("com.atproto.server.getSession", jwt=token).error == error


def test_minted_token(server: Server, alice: Writer) -> None:
    """A token made with the server's secret is as good as its own."""
    assert server.ask("com.atproto.server.getSession", jwt=minted(server, access_claims(alice.did))).status == 200


def test_changed_token(alice: Writer) -> None:
    """A token with one letter changed is refused."""
    head, claims, signature = alice.jwt.split(".")
    changed = f"{head}.{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
    assert alice.server.ask("com.atproto.server.getSession", jwt=changed).error == UNVERIFIED


def test_refresh(newcomer: Writer) -> None:
    """A refresh gives new tokens; the old refresh token gives the same next one again."""
    server, old = newcomer.server, newcomer.refresh_jwt
    first, second = (server.ask(REFRESH, method="POST", jwt=old) for _ in range(2))
    assert (first.status, second.status) == (200, 200)
    ids = {claims_of(answer.body["refreshJwt"])["jti"] for answer in (first, second)}
    assert len(ids) == 1
    assert ids != {claims_of(old)["jti"]}
    assert (first.body["did"], first.body["active"]) == (newcomer.did, True)
    assert server.ask("com.atproto.server.getSession", jwt=first.body["accessJwt"]).status == 200


def test_refresh_keeps_scope(newcomer: Writer) -> None:
    """A refreshed session may do what the first one might."""
    newcomer.sign_in(newcomer.account.password)
    answer = newcomer.server.ask(REFRESH, method="POST", jwt=newcomer.refresh_jwt)
    assert claims_of(answer.body["accessJwt"])["scope"] == "com.atproto.access"


def test_refresh_with_other_tokens(alice: Writer) -> None:
    """Only a refresh token refreshes, and only without a body."""
    assert alice.server.ask(REFRESH, method="POST", jwt=alice.jwt).error == UNVERIFIED
    assert alice.server.ask(REFRESH, method="POST").error == AUTH_MISSING
    message = (400, "InvalidRequest", "A request body was provided when none was expected")
    assert alice.server.ask(REFRESH, {}, jwt=alice.refresh_jwt).error == message


def test_access_with_refresh_token(alice: Writer) -> None:
    """A refresh token gives no access."""
    assert alice.server.ask("com.atproto.server.getSession", jwt=alice.refresh_jwt).error == UNVERIFIED


def test_expired_refresh_token(server: Server, alice: Writer) -> None:
    """A refresh token that has run out says so."""
    claims = access_claims(alice.did, scope="com.atproto.refresh", jti="x", exp=int(time.time()) - 10)
    answer = server.ask(REFRESH, method="POST", jwt=minted(server, claims, "refresh+jwt"))
    assert answer.error == (400, "ExpiredToken", "Token has expired")


def test_sign_out(newcomer: Writer) -> None:
    """A deleted session cannot be refreshed; deleting it again changes nothing."""
    server = newcomer.server
    for _ in range(2):
        gone = server.ask("com.atproto.server.deleteSession", method="POST", jwt=newcomer.refresh_jwt)
        assert (gone.status, gone.body) == (200, b"")
    answer = server.ask(REFRESH, method="POST", jwt=newcomer.refresh_jwt)
    assert answer.error == (400, "ExpiredToken", "Token has been revoked")


def test_app_passwords(newcomer: Writer) -> None:
    """App passwords are made with the main password only; a revoked one signs nobody in, and ends its sessions."""
    server = newcomer.server
    response = newcomer.post(PROTECTED, {"name": "bot"})
    assert response.error == (400, "InvalidToken", "Bad token scope")
    session = newcomer.refresh_jwt
    newcomer.sign_in(newcomer.account.password)
    response = newcomer.post(PROTECTED, {"name": "bot", "privileged": True})
    assert (response.body["name"], response.body["privileged"], len(response.body["password"])) == ("bot", True, 19)
    assert newcomer.post(PROTECTED, {"name": "bot"}).status == 500
    listed = newcomer.get("com.atproto.server.listAppPasswords").body["passwords"]
    assert [(one["name"], one["privileged"]) for one in listed] == [("bot", True), ("test", False)]
    for name in ("test", "no such"):
        gone = newcomer.post("com.atproto.server.revokeAppPassword", {"name": name})
        assert (gone.status, gone.body) == (200, b"")
    assert newcomer.sign_in().error == (401, "AuthenticationRequired", "Invalid identifier or password")
    answer = server.ask(REFRESH, method="POST", jwt=session)
    assert answer.error == (400, "ExpiredToken", "Token has been revoked")


def test_privileged_scope(newcomer: Writer) -> None:
    """A privileged app password has a scope of its own."""
    newcomer.sign_in(newcomer.account.password)
    response = newcomer.post(PROTECTED, {"name": "chat", "privileged": True})
    answer = newcomer.sign_in(response.body["password"])
    assert claims_of(answer.body["accessJwt"])["scope"] == "com.atproto.appPassPrivileged"


def test_service_auth(alice: Writer) -> None:
    """A service token is signed for one audience and one method, for a minute unless more is asked."""
    token = alice.get("com.atproto.server.getServiceAuth", aud="did:web:video.bsky.app", lxm="a.b.c").body["token"]
    claims = claims_of(token)
    assert {key: claims[key] for key in ("iss", "aud", "lxm")} == {
        "iss": alice.did,
        "aud": "did:web:video.bsky.app",
        "lxm": "a.b.c",
    }
    assert claims["exp"] - claims["iat"] == 60
    until = int(time.time()) + 1800
    longer = alice.get("com.atproto.server.getServiceAuth", aud="did:web:video.bsky.app", lxm="a.b.c", exp=until)
    assert claims_of(longer.body["token"])["exp"] == until


SERVICE_REFUSALS: dict[str, tuple[dict[str, Any], tuple[int, str, str]]] = {
    "no audience": (
        {},
        (400, "InvalidRequest", 'Invalid com.atproto.server.getServiceAuth params: Missing required key "aud"'),
    ),
    "another audience": (
        {"aud": "foo"},
        (400, "InvalidRequest", "aud must be a valid atproto DID or did#serviceId reference"),
    ),
    "the past": ({"aud": SERVER_DID, "exp": 1}, (400, "BadExpiration", "expiration is in past")),
    "more than an hour": (
        {"aud": SERVER_DID, "lxm": "a.b.c", "exp": timedelta(hours=2)},
        (400, "BadExpiration", "cannot request a token with an expiration more than an hour in the future"),
    ),
    "more than a minute for all": (
        {"aud": SERVER_DID, "exp": timedelta(minutes=15)},
        (
            400,
            "BadExpiration",
            "cannot request a method-less token with an expiration more than a minute in the future",
        ),
    ),
    "a protected method": (
        {"aud": SERVER_DID, "lxm": PROTECTED},
        (400, "InvalidRequest", f"cannot request a service auth token for the following protected method: {PROTECTED}"),
    ),
    "direct messages": (
        {"aud": SERVER_DID, "lxm": "chat.bsky.convo.sendMessage"},
        (
            400,
            "InvalidRequest",
            "insufficient access to request a service auth token for the following method: chat.bsky.convo.sendMessage",
        ),
    ),
    "no number": (
        {"aud": SERVER_DID, "exp": "a"},
        (
            400,
            "InvalidRequest",
            'Invalid com.atproto.server.getServiceAuth params: Expected integer value type (got "a")',
        ),
    ),
}


@pytest.mark.parametrize(("params", "error"), SERVICE_REFUSALS.values(), ids=SERVICE_REFUSALS)
def test_service_auth_refused(alice: Writer, params: dict[str, Any], error: tuple[int, str, str]) -> None:
    """A service token that reaches too far is refused."""
    query = {
        name: int(time.time() + value.seconds) if isinstance(value, timedelta) else value
        for name, value in params.items()
    }
    assert alice.get("com.atproto.server.getServiceAuth", **query).error == error


def test_upload_with_service_auth(alice: Writer) -> None:
    """A service uploads for an account with a token for that method alone."""
    method = "com.atproto.repo.uploadBlob"
    token = alice.get("com.atproto.server.getServiceAuth", aud=SERVER_DID, lxm=method).body["token"]
    headers = {"Content-Type": "video/mp4"}
    assert alice.server.ask(method, b"video", jwt=token, headers=headers).status == 200
    other = alice.get("com.atproto.server.getServiceAuth", aud="did:web:example.com", lxm=method).body["token"]
    refused = alice.server.ask(method, b"video", jwt=other, headers=headers)
    assert refused.error == (401, "BadJwtAudience", "jwt audience does not match service did")
    wrong = alice.get("com.atproto.server.getServiceAuth", aud=SERVER_DID, lxm="a.b.c").body["token"]
    refused = alice.server.ask(method, b"video", jwt=wrong, headers=headers)
    message = f'bad jwt lexicon method ("lxm"). must match: {method}'
    assert refused.error == (401, "BadJwtLexiconMethod", message)


def test_writing_without_session(server: Server, alice: Writer) -> None:
    """Nobody writes without signing in."""
    body = {"repo": alice.did, "collection": "app.bsky.feed.post", "record": post()}
    assert server.ask("com.atproto.repo.createRecord", body).error == AUTH_MISSING


ACCOUNTS: dict[str, tuple[dict[str, Any], tuple[int, str, str]]] = {
    "no handle": ({"handle": "x"}, (400, "InvalidRequest", 'Invalid handle (got "x") at $.handle')),
    "short": ({"handle": "a.test"}, (400, "InvalidHandle", "Handle too short")),
    "long": ({"handle": f"{'a' * 19}.test"}, (400, "InvalidHandle", "Handle too long")),
    "two parts": ({"handle": "a.bcd.test"}, (400, "InvalidHandle", "Invalid characters in handle")),
    "another domain": ({"handle": "a.com"}, (400, "UnsupportedDomain", "Not a supported handle domain")),
    "no e-mail": ({"handle": "new1.test", "email": ""}, (400, "InvalidRequest", "Email is required")),
    "half an e-mail": (
        {"handle": "new1.test", "email": "a"},
        (400, "InvalidRequest", "This email address is not supported, please use a different email."),
    ),
}


@pytest.mark.parametrize(("fields", "error"), ACCOUNTS.values(), ids=ACCOUNTS)
def test_accounts_refused(server: Server, fields: dict[str, Any], error: tuple[int, str, str]) -> None:
    """An account needs a handle under the server's domain and an e-mail address."""
    body = {"email": "someone@example.com", "password": "x", **fields}
    assert server.ask("com.atproto.server.createAccount", body).error == error


def test_account_twice(server: Server, alice: Writer) -> None:
    """A handle and an e-mail address are given once."""
    handle = alice.account.handle
    body = {"handle": handle, "email": "else@example.com", "password": "x"}
    answer = server.ask("com.atproto.server.createAccount", body)
    assert answer.error == (400, "InvalidRequest", f"Handle already taken: {handle}")
    body = {"handle": "new2.test", "email": f"{handle}@example.com", "password": "x"}
    answer = server.ask("com.atproto.server.createAccount", body)
    assert answer.error == (400, "InvalidRequest", f"Email already taken: {handle}@example.com")
