"""Promises of requests with an OAuth session: what each carries, when the tokens are renewed, and what is believed."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qsl

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import NoAnswer, NotSent, SkywriteError
from skywrite.protocol.atproto.dpop import Origins
from skywrite.protocol.atproto.identity import Resolver
from skywrite.protocol.atproto.oauth_auth import DpopAuth, _Server
from skywrite.protocol.atproto.oauth_client import OAuthClient, loopback_client
from skywrite.protocol.atproto.oauth_session import OAuthSession
from skywrite.protocol.atproto.session import Agent
from skywrite.protocol.atproto.xrpc_errors import (
    AccountUnavailable,
    MissingRight,
    NotSignedIn,
    RecordNotFound,
    Refused,
    ServerFailure,
)
from tests.support.errors import fails, known_as
from tests.support.oauth_session import (
    CONFIDENTIAL,
    DID,
    ISSUER,
    KEY,
    METADATA,
    PDS,
    RESOURCE,
    SERVER,
    TOKENS,
    KeptSession,
    did_document,
    oauth_session,
    script_network,
)

WHO = "com.atproto.server.getSession"
CALL = "app.test.call"
NEW = {**TOKENS, "access_token": "access-2", "refresh_token": "refresh-2", "expires_in": 3600}
Make = Callable[..., DpopAuth]


@pytest.fixture
def web(server: Any, answer: Any) -> Any:
    """A network on which refreshes and calls succeed."""
    script_network(server)
    server.on("token", answer(NEW))
    server.on(CALL, answer({"ok": 1}))
    server.on(WHO, answer({"did": DID}))
    return server


@pytest.fixture
def resolver(web: Any, clock: FakeClock) -> Resolver:
    return Resolver(web, "https://plc.example.com", service=PDS, clock=clock)


@pytest.fixture
def auth(web: Any, resolver: Resolver, clock: FakeClock) -> Make:
    """auth(session, store=, client=): what signs the requests of a session."""

    def make(
        session: OAuthSession | None = None, store: KeptSession | None = None, client: OAuthClient | None = None
    ) -> DpopAuth:
        session = session or oauth_session()
        return DpopAuth(
            session,
            transport=web,
            store=store or KeptSession(session),
            client=lambda _: client or loopback_client("atproto"),
            resolver=resolver,
            clock=clock,
            host="here",
        )

    return make


def sent_to(web: Any, name: str) -> list[Any]:
    """The requests whose address ends like this."""
    return [sent for sent in web.sent if sent.nsid == name]


def query(auth: DpopAuth) -> Any:
    """A call as the account."""
    return auth.call(lambda xrpc, own: xrpc.query(CALL, headers=own))


def tokens_of(web: Any, name: str = CALL) -> list[str]:
    """The tokens of these requests."""
    return [sent.headers["authorization"] for sent in sent_to(web, name)]


def proof_of(sent: Any) -> dict[str, Any]:
    """The head and the claims of a request's proof, together."""
    head, claims, _ = sent.headers["dpop"].split(".")
    return {k: v for part in (head, claims) for k, v in json.loads(base64.urlsafe_b64decode(part + "==")).items()}


# Calls


def test_a_call_is_signed(web: Any, auth: Make) -> None:
    """A call goes to the account's server with its token and a proof by the session's key."""
    assert {"ok": 1} == query(auth())
    (sent,) = web.sent
    proof = proof_of(sent)
    assert (f"{PDS}/xrpc/{CALL}", "DPoP access-1") == (sent.url, sent.headers["authorization"])
    assert (KEY.public_jwk, sent.url, "GET") == (proof["jwk"], proof["htu"], proof["htm"])


def test_tokens_are_renewed_in_time(web: Any, auth: Make, clock: FakeClock) -> None:
    """Ten minutes before its end the token is renewed, once, and the next calls carry the new one."""
    store = KeptSession(oauth_session())
    signed = auth(store=store)
    clock.advance(2999)
    query(signed)
    clock.advance(1)
    query(signed)
    query(signed)
    assert ["DPoP access-1", "DPoP access-2", "DPoP access-2"] == tokens_of(web)
    assert (1, store.now, clock.now()) == (
        len(sent_to(web, "token")),
        signed.session,
        signed.session.refreshed_at,
    )


def test_getting_ready_renews_too(web: Any, auth: Make, clock: FakeClock) -> None:
    """Getting ready renews a token that is due, and sends nothing otherwise."""
    signed = auth()
    signed.get_ready()
    assert [] == web.sent
    clock.advance(3000)
    signed.get_ready()
    assert (1, "access-2") == (len(sent_to(web, "token")), signed.session.access_token)


def test_what_is_asked_for(web: Any, auth: Make) -> None:
    """A refresh sends the refresh token and the client, with a proof by the session's key, and returns the session."""
    signed = auth()
    renewed = signed.refresh()
    (sent,) = sent_to(web, "token")
    client_id = loopback_client("atproto").client_id
    expected = {"grant_type": "refresh_token", "refresh_token": "refresh-1", "client_id": client_id}
    assert (expected, f"{ISSUER}/token", KEY.public_jwk) == (
        dict(parse_qsl(sent.body.decode())),
        sent.url,
        proof_of(sent)["jwk"],
    )
    assert ("access-2", "refresh-2", renewed) == (renewed.access_token, renewed.refresh_token, signed.session)


def test_a_refresh_that_fails_while_the_token_is_good(web: Any, auth: Make, clock: FakeClock) -> None:
    """A refresh that fails stops no call while the token is good, and is tried again after half a minute."""
    signed = auth()
    web.on("token", NotSent("No network."))
    clock.advance(3000)
    for seconds in (0, 29.9):
        clock.advance(seconds)
        assert {"ok": 1} == query(signed)
    assert 1 == len(sent_to(web, "token"))
    clock.advance(0.1)
    query(signed)
    assert (2, ["DPoP access-1"] * 3) == (len(sent_to(web, "token")), tokens_of(web))


def test_a_refresh_that_fails_when_the_token_has_ended(web: Any, auth: Make, clock: FakeClock) -> None:
    """With a token that may not be used any more, a refresh that fails is an error, at each call."""
    signed = auth()
    web.on("token", NotSent("No network."))
    clock.advance(3570)
    for _ in range(2):
        with pytest.raises(NotSent):
            query(signed)
    assert (2, []) == (len(sent_to(web, "token")), tokens_of(web))


def test_waiting_only_when_it_must(web: Any, auth: Make, clock: FakeClock) -> None:
    """A call waits for the refresh of another process only if its own token may not be used any more."""
    store = KeptSession(oauth_session())
    store.held_elsewhere = float("inf")
    signed = auth(store=store)
    clock.advance(3000)
    query(signed)
    assert 3000 == clock.monotonic()
    clock.advance(570)
    with fails("session.refresh_in_doubt"):
        query(signed)
    assert clock.monotonic() > 3570 + 60


@pytest.mark.parametrize("name", ["invalid_token", "InvalidToken", "ExpiredToken"])
def test_a_token_that_the_server_has_ended(web: Any, auth: Make, answer: Any, refusal: Any, name: str) -> None:
    """A token that the server does not accept is renewed, and the call is sent once more."""
    web.on(CALL, refusal(401, name), answer({"ok": 1}))
    signed = auth()
    assert {"ok": 1} == query(signed)
    assert ["DPoP access-1", "DPoP access-2"] == tokens_of(web)
    assert "access-2" == signed.session.access_token


def test_waiting_for_the_refresh_of_another_process(web: Any, auth: Make, answer: Any, refusal: Any) -> None:
    """After a refused token, and where a refresh is asked for, the refresh of another process is waited for."""
    store = KeptSession(oauth_session())
    signed = auth(store=store)
    web.on(CALL, refusal(401, "InvalidToken"), answer({"ok": 1}))
    store.held_elsewhere = 3
    assert {"ok": 1} == query(signed)
    store.held_elsewhere = 3
    assert "access-2" == signed.refresh().access_token
    assert 2 == len(sent_to(web, "token"))


def test_a_server_that_refuses_the_new_token_too(web: Any, auth: Make, refusal: Any) -> None:
    """A call is sent once more, and not again."""
    web.on(CALL, refusal(401, "InvalidToken"))
    with fails("token.invalid"):
        query(auth())
    assert (2, 1) == (len(tokens_of(web)), len(sent_to(web, "token")))


def test_a_call_that_was_refused_and_cannot_be_repeated(web: Any, auth: Make, refusal: Any) -> None:
    """A call that was sent once is in doubt, though the refresh after it could not be sent."""
    web.on(CALL, refusal(401, "InvalidToken"))
    web.on("token", NotSent("No network.", hint="Connect."))
    with pytest.raises(NoAnswer, match="No network") as caught:
        query(auth())
    assert "Connect." == caught.value.hint


@pytest.mark.parametrize("body", [{"message": "No."}, {"error": "invalid_dpop_proof"}, {"error": "use_dpop_nonce"}])
def test_a_proof_that_is_refused(web: Any, auth: Make, answer: Any, body: dict[str, str]) -> None:
    """A refused proof, or a 401 without a reason, is temporary, costs no refresh, and keeps what the server said."""
    web.on(CALL, answer(body, 401, x_request_id="r7"))
    with fails("oauth.proof_refused") as caught:
        query(auth())
    error: Any = caught.value
    assert (401, body.get("error"), "r7") == (error.status, error.server_error, error.request_id)
    assert ([], True) == (sent_to(web, "token"), "clock" in error.hint)


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (401, "AccountTakedown", AccountUnavailable),
        (401, "AuthMissing", NotSignedIn),
        (400, "RecordNotFound", RecordNotFound),
        (400, "InvalidRequest", Refused),
        (500, "InternalServerError", ServerFailure),
    ],
)
def test_other_refusals(web: Any, auth: Make, refusal: Any, status: int, name: str, kind: type[SkywriteError]) -> None:
    """What a refresh cannot change is passed on as it is, and no token is renewed."""
    web.on(CALL, refusal(status, name, "No."))
    with fails(kind) as caught:
        query(auth())
    assert (kind, []) == (known_as(caught.value, kind), sent_to(web, "token"))


@pytest.mark.parametrize(
    ("message", "lacks", "argument"),
    [
        ('Missing required scope "repo:app.bsky.feed.like?action=create"', "the right 'likes' (like posts", "'likes'"),
        ('Missing required scope "rpc:com.example.x?aud=did:web:y"', "the right rpc:com.example.x?aud=did:web:y", ""),
        ("No.", "the right for this", ""),
    ],
)
def test_a_missing_right(web: Any, auth: Make, refusal: Any, message: str, lacks: str, argument: str) -> None:
    """A right that the session lacks is named, with how to sign in for it."""
    web.on(CALL, refusal(403, "ScopeMissingError", message))
    with pytest.raises(MissingRight) as caught:
        query(auth())
    assert f"The session of alice.test lacks {lacks}" in caught.value.message
    hint = caught.value.hint
    assert (True, bool(argument)) == ("sky.oauth.login('alice.test')" in hint, "right likes" in hint)


def test_ending_a_session(web: Any, auth: Make, answer: Any) -> None:
    """Ending a session revokes its refresh token; one that has ended is no error, one that is over sends nothing."""
    web.on("revoke", answer({}), answer({"error": "invalid_token"}, 400), NotSent("No network."))
    signed = auth()
    signed.end()
    signed.end()
    with pytest.raises(NotSent):
        signed.end()
    auth(oauth_session(phase="over")).end()
    assert ["refresh-1"] * 3 == [dict(parse_qsl(sent.body.decode()))["token"] for sent in sent_to(web, "revoke")]


def test_the_time_of_the_server(web: Any, auth: Make, answer: Any, clock: FakeClock) -> None:
    """The server's time is known from its last response, and is ours until then."""
    signed = auth()
    assert clock.now() == signed.server_now()
    later = clock.now() + timedelta(minutes=10)
    web.on(CALL, answer({}, date=format_datetime(later, usegmt=True)))
    query(signed)
    assert later == signed.server_now()


# Uploads


def upload(web: Any, auth: DpopAuth, body: Any) -> list[tuple[str, str]]:
    """Post a body to the account's server; the requests, with their tokens."""
    Agent(web, auth=auth).procedure(CALL, body, content_type="video/mp4")
    return [(sent.nsid, sent.headers["authorization"]) for sent in web.sent]


def test_a_stream_needs_a_nonce_first(web: Any, auth: Make, answer: Any) -> None:
    """Before a body that can be sent only once, a small request gets the nonce; not if there is a fresh one."""
    signed = auth()
    web.on(WHO, answer({}, dpop_nonce="n1"))
    token = "DPoP access-1"
    assert [(WHO, token), (CALL, token)] == upload(web, signed, iter([b"a", b"b"]))
    assert f"{PDS}/xrpc/{WHO}" == web.sent[0].url
    assert (b"ab", "n1") == (web.sent[1].body, proof_of(web.sent[1])["nonce"])
    upload(web, signed, iter([b"a"]))
    assert [WHO, CALL, CALL] == [sent.nsid for sent in web.sent]


def test_other_bodies_need_none(web: Any, auth: Make) -> None:
    """A body in one piece can be sent again, so that nothing goes before it."""
    assert [(CALL, "DPoP access-1")] == upload(web, auth(), b"ab")


def test_a_nonce_that_does_not_come(web: Any, auth: Make) -> None:
    """Where the small request fails, the stream is sent all the same."""
    web.on(WHO, NotSent("No network."))
    assert [WHO, CALL] == [name for name, _ in upload(web, auth(), iter([b"a"]))]


# The requests of a refresh


def test_an_account_that_moved(web: Any, auth: Make, resolver: Resolver, answer: Any) -> None:
    """Before a refresh the account's document is read anew; to another server nothing is sent."""
    resolver.resolve(DID)
    web.on(DID, answer(did_document("https://new.example.com")))
    store = KeptSession(oauth_session())
    with fails(
        "account.moved", match=r"for https://pds\.example\.com, and is at https://new\.example\.com now"
    ) as caught:
        auth(store=store).refresh()
    assert ([], ["ready"]) == (sent_to(web, "token"), store.phases)
    assert "sky.oauth.login('alice.test')" in caught.value.hint


@pytest.mark.parametrize("field", ["issuer", "token_endpoint"])
def test_an_issuer_that_changed(web: Any, auth: Make, answer: Any, field: str) -> None:
    """A server that names another issuer or token endpoint gets no refresh token."""
    other = "https://other.example.com"
    changed = {**METADATA, field: other if field == "issuer" else f"{other}/token"}
    web.on(SERVER, answer(changed))
    web.on(RESOURCE, answer({"resource": PDS, "authorization_servers": [changed["issuer"]]}))
    with fails("account.moved", match=f"is at {changed['issuer']} now"):
        auth().refresh()
    assert [] == sent_to(web, "token")


def test_a_client_whose_key_is_gone(web: Any, auth: Make) -> None:
    """Without the client's key nothing is asked, and the session stays as it is."""
    session = oauth_session(key_id="lost")
    store = KeptSession(session)
    with fails("oauth.key_missing", match="The key lost"):
        auth(session, store, CONFIDENTIAL).refresh()
    assert ([], ["ready"]) == (web.sent, store.phases)


def test_a_refresh_by_a_client_with_keys(web: Any, auth: Make, answer: Any) -> None:
    """A client with keys signs each try with a new assertion."""
    web.on("token", answer({"error": "use_dpop_nonce"}, 400, dpop_nonce="n"), answer(NEW))
    assert "access-2" == auth(oauth_session(key_id="one"), client=CONFIDENTIAL).refresh().access_token
    assertions = [dict(parse_qsl(sent.body.decode()))["client_assertion"] for sent in sent_to(web, "token")]
    assert 2 == len(set(assertions))


def test_a_refused_refresh_token(web: Any, auth: Make, answer: Any) -> None:
    """`invalid_grant` ends the session, with the server's reason."""
    web.on("token", answer({"error": "invalid_grant", "error_description": "Token was replayed"}, 400))
    store = KeptSession(oauth_session())
    with fails("session.over", match="Token was replayed"):
        auth(store=store).refresh()
    assert "over" == store.phases[-1]


def test_a_refused_client(web: Any, auth: Make, answer: Any) -> None:
    """Any other refusal is about the client: the session stays, and the hint leads to the check."""
    web.on("token", answer({"error": "invalid_client"}, 401))
    store = KeptSession(oauth_session())
    with fails("oauth.refresh_refused", match="invalid_client") as caught:
        auth(store=store).refresh()
    assert ("ready", "Look at what is wrong: sky.doctor()") == (store.phases[-1], caught.value.hint)


@pytest.mark.parametrize(("seconds", "sends"), [(10, True), (10.1, False)])
def test_a_process_that_was_suspended(web: Any, auth: Make, clock: FakeClock, seconds: float, sends: bool) -> None:
    """More than ten seconds after the refresh was committed nothing is sent any more: others may have begun."""

    class Slow(KeptSession):
        def replace(self, before: OAuthSession, session: OAuthSession) -> bool:
            if session.phase == "refreshing":
                clock.advance(seconds)
            return super().replace(before, session)

    store = Slow(oauth_session())
    signed = auth(store=store)
    if sends:
        signed.refresh()
    else:
        with fails("oauth.too_late"):
            signed.refresh()
    assert (int(sends), "ready") == (len(sent_to(web, "token")), store.phases[-1])


@pytest.mark.parametrize(
    ("result", "accepts"),
    [
        ((200, None), True),
        ((401, "invalid_token"), False),
        ((400, "InvalidToken"), False),
        ((400, "ExpiredToken"), False),
        ((401, None), None),
        ((401, "AccountTakedown"), None),
        ((400, "InvalidRequest"), None),
        ((500, None), None),
    ],
)
def test_whether_the_old_token_still_works(
    web: Any, resolver: Resolver, answer: Any, clock: FakeClock, result: tuple[int, str | None], accepts: bool | None
) -> None:
    """Only a clear response says whether the old token still works."""
    status, name = result
    web.on(WHO, answer({"error": name} if name else {"message": "No."}, status))
    asking = _Server(web, resolver, lambda _: loopback_client("atproto"), Origins(clock), clock)
    assert accepts is asking.accepts(oauth_session())
    assert ["DPoP access-1"] == tokens_of(web, WHO)
    assert KEY.public_jwk == proof_of(web.sent[-1])["jwk"]


def test_a_network_that_is_away_says_nothing(web: Any, resolver: Resolver, clock: FakeClock) -> None:
    """Without a response nothing is known of the old token."""
    web.on(WHO, NotSent("No network."))
    asking = _Server(web, resolver, lambda _: loopback_client("atproto"), Origins(clock), clock)
    assert asking.accepts(oauth_session()) is None
