"""Promises of sessions: signing in, text forms that hide nothing and leak nothing, and one refresh for everybody."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, NoAnswer, NotSent, RateLimited, SignInError, SkywriteError, TemporaryError
from skywrite.protocol.atproto.session import AccountUnavailable, Agent, MemorySessionStore, Session
from skywrite.protocol.atproto.session_data import pds_in_document
from skywrite.protocol.atproto.sign_in import AuthFactorRequired, WrongPassword, clean_identifier, create_session
from skywrite.protocol.atproto.xrpc_errors import MethodNotSupported, NotSignedIn
from tests.support.errors import fails, known_as
from tests.support.processes import PATIENCE_SECONDS

CREATE = "com.atproto.server.createSession"
REFRESH = "com.atproto.server.refreshSession"
WHO = "com.atproto.server.getSession"
DID = "did:plc:abcdefghijklmnopqrstuvwx"
PDS = "https://pds.example"
TWO_HOURS = 7200

Tokens = Callable[..., dict[str, Any]]


@pytest.fixture
def tokens(clock: FakeClock, jwt: Callable[..., str]) -> Tokens:
    """tokens(mark, **more): what createSession and refreshSession answer, issued now by the server's clock."""

    def make(mark: str, lifetime_seconds: int = TWO_HOURS, skew_seconds: int = 0, **more: Any) -> dict[str, Any]:
        issued = int(clock.now().timestamp()) + skew_seconds
        access = jwt(issued, lifetime_seconds, mark=f"access{mark}canary")
        refresh = jwt(issued, 90 * 86_400, "com.atproto.refresh", mark=f"refresh{mark}canary")
        return {"did": DID, "handle": "alice.test", "accessJwt": access, "refreshJwt": refresh, "active": True} | more

    return make


@pytest.fixture
def session(tokens: Tokens, clock: FakeClock) -> Session:
    return Session.from_answer(tokens("1"), service_url=PDS, now=clock.now())


def server_named(name: str, endpoint: object) -> dict[str, Any]:
    return {"id": name, "type": "AtprotoPersonalDataServer", "serviceEndpoint": endpoint}


def document(endpoint: str, did: str = DID) -> dict[str, Any]:
    other = {"id": "#other", "type": "X", "serviceEndpoint": "https://no.example"}
    return {"id": did, "service": [other, server_named("#atproto_pds", endpoint)]}


def test_sign_in(server: Any, clock: FakeClock, answer: Any, tokens: Tokens) -> None:
    """A pasted handle and app password sign in, and the account's own server is found behind the entryway."""
    server.on(CREATE, answer(tokens("1", didDoc=document("https://real.example/"))))
    session = create_session(
        server, "https://bsky.example", " \u202a@alice.test\u202c\u200e ", "abcd-efgh-ijkl-mnop\n", clock=clock
    )
    assert server.sent[0].json() == {"identifier": "alice.test", "password": "abcd-efgh-ijkl-mnop"}
    assert (session.did, session.handle, session.pds_url) == (DID, "alice.test", "https://real.example")
    assert not session.uses_main_password


def test_sign_in_without_a_document(server: Any, clock: FakeClock, answer: Any, tokens: Tokens) -> None:
    """Without a DID document in the answer the service itself is the account's server."""
    server.on(CREATE, answer(tokens("1")))
    assert create_session(server, PDS + "/", "alice.test", "password", clock=clock).pds_url == PDS


def test_a_password_is_sent_as_it_is(server: Any, clock: FakeClock, answer: Any, tokens: Tokens) -> None:
    """Blanks belong to a main password; only app passwords are tidied."""
    server.on(CREATE, answer(tokens("1")))
    create_session(server, PDS, "me@example.com", " pass word ", " 12345-abcde ", clock=clock)
    expected = {"identifier": "me@example.com", "password": " pass word ", "authFactorToken": "12345-abcde"}
    assert expected == server.sent[0].json()


def test_main_password_is_reported(clock: FakeClock, tokens: Tokens, jwt: Callable[..., str]) -> None:
    """A session made with the main password says so."""
    answer = tokens("1", accessJwt=jwt(0, scope="com.atproto.access"))
    assert Session.from_answer(answer, service_url=PDS, now=clock.now()).uses_main_password


@pytest.mark.parametrize("name", ["", "@", "alice", "\u200e"])
def test_names_that_are_none(server: Any, name: str) -> None:
    """A name that no server can know is refused before anything is sent."""
    with fails("login.invalid_name"):
        create_session(server, PDS, name, "password")
    assert server.sent == []


def test_no_password(server: Any) -> None:
    """An empty password is refused before anything is sent."""
    with pytest.raises(InputError):
        create_session(server, PDS, "alice.test", "")
    assert server.sent == []


@given(st.text())
def test_cleaning_is_idempotent_but_for_at_signs(text: str) -> None:
    """A cleaned name holds no blanks and nothing invisible."""
    cleaned = clean_identifier("@" + text)
    assert not any(character in cleaned for character in " \t\n\r\u200b\u200e\u202a\u2066\ufeff\x00")


@pytest.mark.parametrize(
    ("status", "name", "message", "code", "kind"),
    [
        (401, "AuthenticationRequired", "Invalid identifier or password", None, WrongPassword),
        (401, "AuthFactorTokenRequired", "A sign in code has been sent", None, AuthFactorRequired),
        (400, "InvalidToken", "Token is invalid", "11111-22222", "login.wrong_code"),
        (400, "ExpiredToken", "Token is expired", "11111-22222", "login.wrong_code"),
        (401, "AccountTakedown", "Account has been taken down", None, AccountUnavailable),
    ],
)
def test_refused_sign_ins(
    server: Any, refusal: Any, status: int, name: str, message: str, code: str | None, kind: type[NotSignedIn]
) -> None:
    """Each reason why a sign-in fails has its own error, names the account and keeps what the server said."""
    server.on(CREATE, refusal(status, name, message))
    with fails(kind) as caught:
        create_session(server, PDS, "alice.test", "canary-password", code)
    assert kind == known_as(caught.value, kind)
    assert (status, name, 3) == (caught.value.status, caught.value.server_error, caught.value.exit_code)
    assert "alice.test" in caught.value.message
    assert caught.value.hint


def test_sign_in_limit(server: Any, refusal: Any, clock: FakeClock) -> None:
    """Too many sign-ins say until when to wait."""
    server.on(CREATE, refusal(429, "RateLimitExceeded", retry_after="300"))
    with pytest.raises(RateLimited) as caught:
        create_session(server, PDS, "alice.test", "password", clock=clock)
    assert clock.now() + timedelta(seconds=300) == caught.value.until


@pytest.mark.parametrize("status", ["deactivated", "suspended", "takendown"])
def test_sign_in_to_an_inactive_account(
    server: Any, answer: Any, tokens: Tokens, clock: FakeClock, status: str
) -> None:
    """An account that cannot post is told at sign-in."""
    server.on(CREATE, answer(tokens("1", active=False, status=status)))
    with pytest.raises(AccountUnavailable) as caught:
        create_session(server, PDS, "alice.test", "password", clock=clock)
    assert status in caught.value.message


@pytest.mark.parametrize(
    "broken",
    [
        {"did": 7},
        {"did": "plc"},
        {"handle": None},
        {"accessJwt": ""},
        {"accessJwt": "a b"},
        {"refreshJwt": "a\r\nx: y"},
    ],
)
def test_answers_without_a_session(server: Any, answer: Any, tokens: Tokens, broken: dict[str, Any]) -> None:
    """An answer that holds no usable session is no session."""
    server.on(CREATE, answer(tokens("1") | broken))
    with pytest.raises(NoAnswer):
        create_session(server, PDS, "alice.test", "password")


@pytest.mark.parametrize(
    ("document", "service", "expected"),
    [
        (document("https://real.example"), PDS, "https://real.example"),
        (document("http://localhost:2583"), "http://localhost:2583", "http://localhost:2583"),
        (document("http://real.example"), PDS, None),
        (document("https://me@real.example"), PDS, None),
        (document("https://real.example", did="did:plc:other"), PDS, None),
        (document("javascript:alert(1)"), PDS, None),
        ({"id": DID, "service": "x"}, PDS, None),
        ({"id": DID, "service": [1, {}]}, PDS, None),
        ({"id": DID, "service": [server_named("#other", "https://real.example")]}, PDS, None),
        (
            {"id": DID, "service": [server_named(f"{DID}#atproto_pds", "https://real.example")]},
            PDS,
            "https://real.example",
        ),
        ({"id": DID, "service": [server_named("#atproto_pds", 7)]}, PDS, None),
        (None, PDS, None),
    ],
)
def test_server_in_a_document(document: Any, service: str, expected: str | None) -> None:
    """Tokens follow a DID document only if it is the account's, and never from https to http."""
    assert expected == pds_in_document(document, DID, service)


def test_json_and_string_forms(session: Session) -> None:
    """A session comes back from its JSON and from its string as it was."""
    assert (session, session) == (Session.from_json(session.to_json()), Session.from_string(session.export_string()))


@pytest.mark.parametrize("handle", ["a.test", "ab.test", "abc.test"])
def test_a_string_of_any_length(session: Session, handle: str) -> None:
    """A session comes back whatever the length of its string leaves over, and not with characters in between."""
    text = session._replace(handle=handle).export_string()
    assert handle == Session.from_string(text).handle
    with fails("session.invalid"):
        Session.from_string(f"{text[:40]}!!!!{text[40:]}")


def test_json_without_a_state(session: Session) -> None:
    """A session stored without `active` is active."""
    fields = {name: value for name, value in json.loads(session.to_json()).items() if name != "active"}
    assert session == Session.from_json(json.dumps(fields))


@pytest.mark.parametrize(
    "changes", [{"handle": 1}, {"status": 1}, {"access_jwt": 1}, {"received_at": "2026-11-24T12:00:00"}]
)
def test_json_with_the_wrong_kind_of_value(session: Session, changes: dict[str, Any]) -> None:
    """A value of another kind makes the whole text no session; so does a time without its zone."""
    with fails("session.invalid"):
        Session.from_json(json.dumps({**json.loads(session.to_json()), **changes}))


def test_the_longest_string() -> None:
    """A string of 100,000 characters is read, and a longer one is not."""
    rest = f":::{DID}:::access:::refresh:::{PDS}"
    longest = "a" * (100_000 - len(rest)) + rest
    assert PDS == Session.from_string(longest).pds_url
    with fails("session.invalid"):
        Session.from_string("a" + longest)


def test_sdk_session_strings(session: Session) -> None:
    """The atproto SDK's session strings are read: today's, the old ones without a server, and those with none."""
    # Only here: it takes a second to load, and each process that runs tests reads all modules.
    from atproto_client.client.session import Session as SdkSession

    sdk = SdkSession("alice.test", DID, session.access_jwt, session.refresh_jwt, "https://real.example")
    read = Session.from_string(f" {sdk.export()}\n")
    expected = Session(DID, "alice.test", "https://real.example", session.access_jwt, session.refresh_jwt)
    assert (expected, True) == (read, read.active)
    old = Session.from_string(sdk.export().rpartition(":::")[0])
    assert old.pds_url == "https://bsky.social"
    none = Session.from_string(sdk.export().replace("https://real.example", "None"))
    assert none.pds_url == "https://bsky.social"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        ":::",
        "a:::b:::canary:::canary",
        f"alice.test:::{DID}:::canary:::can ary:::https://x",
        f"alice.test:::{DID}:::canary:::canary:::ftp://x",
        f"alice.test:::{DID}:::canary:::canary:::https://x:::y",
        "skywrite-session-1:canary",
        "skywrite-session-1:!!!!",
        "skywrite-session-2:e30",
        "skywrite-session-1:e30",
        "x" * 1_000_000,
    ],
)
def test_strings_that_are_no_session(text: str) -> None:
    """What is no session string is told so, without repeating it."""
    with fails("session.invalid") as caught:
        Session.from_string(text)
    assert "canary" not in repr(caught.value) + str(caught.value.as_dict())


@given(st.text() | st.sampled_from(["null", "[]", "{}", '{"did":1}', '{"did":"did:x","handle":1}']))
def test_any_text_is_a_session_or_an_error(text: str) -> None:
    """Any text at all is a session or InvalidSession."""
    for read in (Session.from_json, Session.from_string):
        with fails("session.invalid"):
            read(text)


def test_repr_hides_tokens(session: Session, server: Any) -> None:
    """No repr or str shows a token."""
    store = MemorySessionStore()
    store.save(session)
    shown = f"{session!r} {session} {Agent(server, session, store=store)!r} {[session]} {store!r}"
    assert "canary" not in shown
    assert "eyJ" not in shown


# --- the agent


def test_calls_carry_the_token(server: Any, session: Session, answer: Any, clock: FakeClock) -> None:
    """A call goes to the account's server with its token, and a caller's headers cannot replace it."""
    server.on(WHO, answer({"ok": 1}))
    agent = Agent(server, session, clock=clock)
    assert agent.query(WHO, headers={"authorization": "Bearer other", "atproto-proxy": "did:web:x#y"}) == {"ok": 1}
    assert (session.access_jwt, "did:web:x#y") == (server.sent[0].token, server.sent[0].headers["atproto-proxy"])
    assert server.sent[0].url.startswith(PDS)


@pytest.mark.parametrize(("age_seconds", "refreshes"), [(0, 0), (TWO_HOURS - 301, 0), (TWO_HOURS - 299, 1)])
def test_refresh_in_time(
    server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens, age_seconds: int, refreshes: int
) -> None:
    """The session is refreshed five minutes before its token ends, and the call uses the new token."""
    server.on(WHO, answer({}))
    clock.advance(age_seconds)
    new = tokens("2")
    server.on(REFRESH, answer(new))
    store = MemorySessionStore(clock)
    agent = Agent(server, session, store=store, clock=clock)
    agent.query(WHO)
    assert refreshes == server.count(REFRESH)
    if refreshes:
        assert session.refresh_jwt == server.sent[0].token
        assert new["accessJwt"] == server.sent[1].token
        assert agent.session == store.load(DID)


@pytest.mark.parametrize("off_seconds", [-86_400, -7000, 7000, 86_400])
def test_a_wrong_clock_does_no_harm(
    server: Any, answer: Any, clock: FakeClock, tokens: Tokens, off_seconds: int
) -> None:
    """With a clock that is hours off, the session is still refreshed once in its life, five minutes before its end."""
    session = Session.from_answer(tokens("1", skew_seconds=off_seconds), service_url=PDS, now=clock.now())
    server.on(WHO, answer({}))
    agent = Agent(server, session, clock=clock)
    for _ in range(23):
        clock.advance(300)
        server.on(REFRESH, answer(tokens("2", skew_seconds=off_seconds)))
        agent.query(WHO)
    assert server.count(REFRESH) == 1


def test_a_clock_that_jumps(server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens) -> None:
    """A clock that jumps a day ahead costs one refresh, and one that jumps back costs none."""
    server.on(WHO, answer({}))
    agent = Agent(server, session, clock=clock)
    clock.advance(86_400)
    server.on(REFRESH, answer(tokens("2", skew_seconds=-86_400)))
    for _ in range(5):
        agent.query(WHO)
    clock.advance(-2 * 86_400)
    agent.query(WHO)
    assert server.count(REFRESH) == 1


def test_short_tokens(server: Any, answer: Any, clock: FakeClock, tokens: Tokens) -> None:
    """A token that lives a minute is used for three quarters of it."""
    session = Session.from_answer(tokens("1", 60), service_url=PDS, now=clock.now())
    assert [session.is_due(clock.now() + timedelta(seconds=age)) for age in (44, 46)] == [False, True]


def test_tokens_of_the_end_of_the_calendar(clock: FakeClock, jwt: Callable[..., str]) -> None:
    """A token that was issued near the year 9999 tells no time, and nothing is reckoned with it."""
    token = jwt(253_402_300_000, 60)
    session = Session(DID, "alice.test", PDS, token, token, clock.now() - timedelta(days=1))
    assert (clock.now(), False, False) == (
        session.server_now(clock.now()),
        session.is_due(clock.now()),
        session.is_over(clock.now()),
    )


@pytest.mark.parametrize(("year", "means_something"), [(8999, True), (9000, False)])
def test_years_that_mean_nothing(clock: FakeClock, jwt: Callable[..., str], year: int, means_something: bool) -> None:
    """A token's times count up to the year 8999."""
    issued = datetime(year, 1, 1, tzinfo=UTC)
    session = Session(DID, "alice.test", PDS, jwt(int(issued.timestamp()), 60), "opaque", clock.now())
    assert (issued if means_something else clock.now()) == session.server_now(clock.now())


def test_the_end_of_a_token(session: Session, clock: FakeClock) -> None:
    """A token is over in the second in which it expires, and due five minutes before."""
    states = [
        (session.is_due(clock.now() + timedelta(seconds=age)), session.is_over(clock.now() + timedelta(seconds=age)))
        for age in (6899.9, 6900, 7199.9, 7200)
    ]
    assert [(False, False), (True, False), (True, False), (True, True)] == states


def test_tokens_that_say_only_when_they_end(clock: FakeClock) -> None:
    """Without a time of issue the token's end is compared with our own clock."""
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(clock.now().timestamp()) + 400}).encode()).decode()
    session = Session(DID, "alice.test", PDS, f"e30.{claims}.x", "opaque", clock.now())
    assert [False, True] == [session.is_due(clock.now() + timedelta(seconds=age)) for age in (99, 100)]


@pytest.mark.parametrize("name", ["did:web:a.example", "did:web:ab.example", "did:web:abc.example", 7])
def test_the_server_that_a_token_is_for(name: object) -> None:
    """The server that a token names is read from it, whatever the length of its claims leaves over."""
    claims = base64.urlsafe_b64encode(json.dumps({"aud": name}).encode()).decode().rstrip("=")
    session = Session(DID, "alice.test", PDS, f"e30.{claims}.x", "opaque")
    assert (name if isinstance(name, str) else None) == session.audience


def test_opaque_tokens(clock: FakeClock) -> None:
    """A token that does not say when it ends is used until the server refuses it."""
    session = Session(DID, "alice.test", PDS, "opaque", "opaque", clock.now())
    assert (session.is_due(clock.now() + timedelta(days=99)), session.uses_main_password) == (False, False)


@pytest.mark.parametrize(
    ("before", "named", "after"),
    [
        ("https://bsky.social", "https://a.us-west.host.bsky.network", "https://a.us-west.host.bsky.network"),
        ("https://a.us-west.host.bsky.network", "https://evil.example", "https://a.us-west.host.bsky.network"),
        ("https://bsky.social", "https://host.bsky.network.evil.example", "https://bsky.social"),
    ],
)
def test_a_session_stays_with_its_operator(
    session: Session, clock: FakeClock, tokens: Tokens, before: str, named: str, after: str
) -> None:
    """Tokens follow a refresh to another server of Bluesky, which shares them, and to nobody else's."""
    renewed = session.moved_to(before).renewed(tokens("2", didDoc=document(named)), now=clock.now())
    assert after == renewed.pds_url


@pytest.mark.parametrize("name", ["ExpiredToken", "InvalidToken"])
def test_refresh_after_expiry(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens, name: str
) -> None:
    """When the server says that the token is over, it is refreshed once and the call is sent again."""
    server.on(WHO, refusal(400, name, "Token could not be verified"), answer({"ok": 1}))
    server.on(REFRESH, answer(tokens("2", didDoc=document("https://moved.example"))))
    agent = Agent(server, session, clock=clock)
    assert agent.procedure(WHO, {"a": 1}) == {"ok": 1}
    assert [request.nsid for request in server.sent] == [WHO, REFRESH, WHO]
    assert server.sent[-1].url.startswith(f"{PDS}/")


def test_refresh_after_expiry_only_once(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """A server that refuses the new token too is believed."""
    server.on(WHO, refusal(400, "ExpiredToken"))
    server.on(REFRESH, answer(tokens("2")))
    with pytest.raises(SignInError):
        Agent(server, session, clock=clock).query(WHO)
    assert (server.count(WHO), server.count(REFRESH)) == (2, 1)


def test_missing_rights(server: Any, session: Session, refusal: Any, clock: FakeClock) -> None:
    """What an app password may not do is told as such and costs no refresh."""
    server.on(WHO, refusal(400, "InvalidToken", "Bad token scope"))
    with fails("session.not_allowed") as caught:
        Agent(server, session, clock=clock).query(WHO)
    assert (len(server.sent), caught.value.server_error) == (1, "InvalidToken")


@pytest.mark.parametrize(
    ("status", "name", "kind"),
    [
        (400, "ExpiredToken", "session.expired"),
        (400, "InvalidToken", "session.expired"),
        (401, "AuthMissing", "session.expired"),
        (400, "InvalidRequest", "session.expired"),
        (401, "AccountTakedown", AccountUnavailable),
        (403, "AccountNotFound", AccountUnavailable),
        (501, "MethodNotImplemented", MethodNotSupported),
    ],
)
def test_refused_refreshes(
    server: Any, session: Session, refusal: Any, clock: FakeClock, status: int, name: str, kind: type[SkywriteError]
) -> None:
    """A refused refresh (expired, revoked app password, account gone) ends the session, with the way to sign in."""
    server.on(WHO, refusal(400, "ExpiredToken"))
    server.on(REFRESH, refusal(status, name, "Token has been revoked"))
    with fails(kind) as caught:
        Agent(server, session, clock=clock).query(WHO)
    # A 401 without a reason may be a gateway's: it is asked again.
    assert (kind, 3 if name == "AuthMissing" else 1) == (known_as(caught.value, kind), server.count(REFRESH))
    if kind is NotSignedIn:
        assert "accounts.login" in caught.value.hint


def test_a_lost_refresh(server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens) -> None:
    """A refresh whose response is lost is asked for again with the same refresh token, about a second later."""
    server.on(WHO, answer({}))
    clock.advance(TWO_HOURS)
    server.on(REFRESH, NoAnswer("reset"), NoAnswer("reset"), answer(tokens("2")))
    Agent(server, session, clock=clock).query(WHO)
    assert 2 * 0.5 <= clock.monotonic() - TWO_HOURS < 2 * 1.5
    assert [session.refresh_jwt] * 3 == [request.token for request in server.sent if request.nsid == REFRESH]


def test_a_failing_refresh_before_the_end(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """While the old token is good, a refresh that fails for now stops no call and is not tried at each of them."""
    server.on(WHO, answer({"ok": 1}))
    server.on(REFRESH, refusal(429, "RateLimitExceeded"))
    agent = Agent(server, session, clock=clock)
    clock.advance(TWO_HOURS - 200)
    assert [agent.query(WHO) for _ in range(3)] == [{"ok": 1}] * 3
    clock.advance(29.9)
    agent.query(WHO)
    assert server.count(REFRESH) == 1
    clock.advance(0.1)
    server.on(REFRESH, answer(tokens("2")))
    agent.query(WHO)
    assert tokens("2")["accessJwt"] == server.sent[-1].token


def test_a_failing_refresh_after_the_end(server: Any, session: Session, clock: FakeClock) -> None:
    """Once the old token is over, a refresh that fails for now is a temporary error, and a later call tries again."""
    server.on(REFRESH, NotSent("refused"))
    agent = Agent(server, session, clock=clock)
    clock.advance(TWO_HOURS + 1)
    for _ in range(2):
        with pytest.raises(TemporaryError):
            agent.query(WHO)
    assert server.count(WHO) == 0


def test_stored_before_use(server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens) -> None:
    """The new session is in the store before any call uses it."""
    store = MemorySessionStore(clock)
    seen: list[bool] = []

    def who(sent: Any) -> Any:
        saved = store.load(DID)
        seen.append(saved is not None and saved.access_jwt == sent.token)
        return answer({})

    server.on(WHO, who)
    clock.advance(TWO_HOURS)
    server.on(REFRESH, answer(tokens("2")))
    Agent(server, session, store=store, clock=clock).query(WHO)
    assert seen == [True]


def test_a_store_that_fails(server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens) -> None:
    """A session that could not be stored is not used: the old refresh token still works next time."""

    class Full(MemorySessionStore):
        full = True

        def save(self, session: Session) -> None:
            if self.full:
                raise OSError("disk full")
            super().save(session)

    store = Full(clock)
    server.on(WHO, answer({}))
    clock.advance(TWO_HOURS)
    server.on(REFRESH, answer(tokens("2")))
    agent = Agent(server, session, store=store, clock=clock)
    with pytest.raises(OSError, match="full"):
        agent.query(WHO)
    store.full = False
    agent.query(WHO)
    assert [session.refresh_jwt] * 2 == [request.token for request in server.sent if request.nsid == REFRESH]


@pytest.mark.parametrize("anew", [True, False])
def test_signed_out_while_a_refresh_is_under_way(
    server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens, anew: bool
) -> None:
    """A sign-in that was made meanwhile goes on; without one the call fails, and no session is used any more."""
    clock.advance(TWO_HOURS)
    fresh = Session.from_answer(tokens("9"), service_url=PDS, now=clock.now()) if anew else None

    class SignedOutMeanwhile(MemorySessionStore):
        def load(self, did: str) -> Session | None:
            return fresh if server.count(REFRESH) else session

        def save(self, session: Session) -> None:
            raise SignInError("signed out", code="session.signed_out")

    server.on(WHO, answer({}))
    server.on(REFRESH, answer(tokens("2")))
    agent = Agent(server, session, store=SignedOutMeanwhile(clock), clock=clock)
    with nullcontext() if fresh else fails("session.signed_out"):
        agent.query(WHO)
    expected = [session.refresh_jwt, *([fresh.access_jwt] if fresh else [])]
    assert expected == [request.token for request in server.sent]


def _at_once(count: int, work: Callable[[], None]) -> None:
    barrier = threading.Barrier(count)
    errors: list[BaseException] = []

    def run() -> None:
        barrier.wait()
        try:
            work()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert errors == []


def _expiring(server: Any, answer: Any, refusal: Any, new: dict[str, Any]) -> None:
    """A server that accepts only the new access token, and each refresh token once."""
    used: set[str] = set()

    def refresh(sent: Any) -> Any:
        if sent.token in used:
            return refusal(400, "ExpiredToken", "Token has been revoked")
        used.add(sent.token)
        return answer(new)

    server.on(WHO, lambda sent: answer({}) if sent.token == new["accessJwt"] else refusal(400, "ExpiredToken"))
    server.on(REFRESH, refresh)


def test_one_refresh_for_many_threads(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """Eight threads that share an agent make one refresh and take the store's lease once."""
    leases: list[tuple[str, float]] = []

    class Counting(MemorySessionStore):
        def try_lease(self, did: str, seconds: float) -> bool:
            leases.append((did, seconds))
            return super().try_lease(did, seconds)

    all_refused = threading.Barrier(8)

    def who(sent: Any) -> Any:
        if sent.token != session.access_jwt:
            return answer({})
        all_refused.wait(PATIENCE_SECONDS)
        return refusal(400, "ExpiredToken")

    server.on(WHO, who)
    server.on(REFRESH, answer(tokens("2")))
    agent = Agent(server, session, store=Counting(clock), clock=clock)
    _at_once(8, lambda: agent.query(WHO) and None)
    assert leases == [(DID, 60)]
    assert server.count(REFRESH) == 1


def test_one_refresh_for_many_agents(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """Eight agents that share a store (as processes do) make one refresh."""
    _expiring(server, answer, refusal, tokens("2"))
    store = MemorySessionStore()
    _at_once(8, lambda: Agent(server, session, store=store).query(WHO) and None)
    assert server.count(REFRESH) == 1


def test_taking_what_another_process_saved(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """After the lease is taken the store is read again: a newer session there makes the refresh needless."""
    clock.advance(TWO_HOURS)
    newer = session.renewed(tokens("2"), now=clock.now())
    store = MemorySessionStore(clock)
    store.save(newer)
    server.on(WHO, answer({}))
    Agent(server, session, store=store, clock=clock).query(WHO)
    assert ([WHO], newer.access_jwt) == ([request.nsid for request in server.sent], server.sent[0].token)


def test_an_older_saved_session_is_not_taken(
    server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """A session that is older than ours (from before a new sign-in) is neither used nor refreshed."""
    store = MemorySessionStore(clock)
    store.save(session)
    clock.advance(60)
    newer = Session.from_answer(tokens("2"), service_url=PDS, now=clock.now())
    clock.advance(TWO_HOURS)
    server.on(WHO, answer({}))
    server.on(REFRESH, answer(tokens("3")))
    Agent(server, newer, store=store, clock=clock).query(WHO)
    assert newer.refresh_jwt == server.sent[0].token


def test_a_saved_session_that_has_ended_too(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """A session taken from the store that the server refuses as well is refreshed in its turn."""
    saved = session.renewed(tokens("2"), now=clock.now())
    store = MemorySessionStore(clock)
    store.save(saved)
    new = tokens("3")
    _expiring(server, answer, refusal, new)
    Agent(server, session, store=store, clock=clock).query(WHO)
    assert [session.access_jwt, saved.access_jwt, saved.refresh_jwt, new["accessJwt"]] == [
        request.token for request in server.sent
    ]


def test_a_refused_refresh_looks_for_a_new_sign_in(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """When somebody signs in anew while our refresh is refused, the new session is used."""
    store = MemorySessionStore(clock)
    fresh = session.renewed(tokens("9"), now=clock.now())

    def refused(_sent: Any) -> Any:
        store.save(fresh)
        return refusal(400, "ExpiredToken", "Token has been revoked")

    server.on(WHO, refusal(400, "ExpiredToken"), answer({"ok": 1}))
    server.on(REFRESH, refused)
    assert Agent(server, session, store=store, clock=clock).query(WHO) == {"ok": 1}
    assert fresh.access_jwt == server.sent[-1].token


def test_waiting_for_another_process(server: Any, session: Session, refusal: Any, clock: FakeClock) -> None:
    """A lease that nobody gives back is waited for until it ends, not much longer, with five looks a second."""
    store = Held(clock)
    server.on(WHO, refusal(400, "ExpiredToken"))
    before = clock.now()
    with fails("session.refresh_busy"):
        Agent(server, session, store=store, clock=clock).query(WHO)
    waited = (clock.now() - before).total_seconds()
    assert 75 <= waited < 75.3
    assert 4.5 < store.tries / waited < 5.5


def test_a_dead_process_gives_way(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """The lease of a process that died ends by itself, and the refresh is done."""
    store = MemorySessionStore(clock)
    assert store.try_lease(DID, 60)
    _expiring(server, answer, refusal, tokens("2"))
    Agent(server, session, store=store, clock=clock).query(WHO)
    assert server.count(REFRESH) == 1
    assert store.try_lease(DID, 60)


def test_the_lease_is_given_back(server: Any, session: Session, refusal: Any, clock: FakeClock) -> None:
    """A refresh that fails gives its lease back at once."""
    store = MemorySessionStore(clock)
    server.on(REFRESH, refusal(400, "ExpiredToken"))
    with fails("session.expired"):
        Agent(server, session, store=store, clock=clock).refresh()
    assert store.try_lease(DID, 60)


def test_another_accounts_tokens(server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens) -> None:
    """A refresh that answers for another account is not taken."""
    server.on(REFRESH, answer(tokens("2", did="did:plc:somebodyelse")))
    agent = Agent(server, session, clock=clock)
    with pytest.raises(NoAnswer):
        agent.refresh()
    assert session == agent.session


@pytest.mark.parametrize("handle", ["", "alice", "a" * 100_000, "\x1b[31m.test", "a\x00.test", "\u202etest.a"])
def test_a_handle_that_is_none(tokens: Tokens, clock: FakeClock, handle: str) -> None:
    """What a server calls a handle and is none is not kept: it would stand in every list, notice and log."""
    session = Session.from_answer(tokens("1", handle=handle), service_url=PDS, now=clock.now())
    assert "handle.invalid" == session.handle


def test_a_handle_that_is_broken_for_now(session: Session, clock: FakeClock, tokens: Tokens) -> None:
    """`handle.invalid` in an answer does not replace the handle that we know."""
    assert session.renewed(tokens("2", handle="handle.invalid"), now=clock.now()).handle == "alice.test"


def test_service_auth(server: Any, session: Session, answer: Any, clock: FakeClock) -> None:
    """A service token is asked for one service and one method, and ends by the server's clock."""
    server.on("com.atproto.server.getServiceAuth", answer({"token": "t"}))
    token = Agent(server, session, clock=clock).service_auth("did:web:video.example", "a.b.c")
    expires = str(int(clock.now().timestamp()) + 1800)
    assert token == "t"
    assert [("aud", "did:web:video.example"), ("lxm", "a.b.c"), ("exp", expires)] == server.sent[0].params


def test_a_server_that_sends_no_service_token(server: Any, session: Session, answer: Any, clock: FakeClock) -> None:
    """A response without a token is an error that names the server and the service."""
    server.on("com.atproto.server.getServiceAuth", answer({"token": None}))
    with pytest.raises(NoAnswer, match=r"pds\.example sent no token for did:web:video\.example"):
        Agent(server, session, clock=clock).service_auth("did:web:video.example", "a.b.c")


def test_getting_ready(server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens) -> None:
    """Getting ready refreshes a session that is about to expire, and sends nothing else."""
    server.on(REFRESH, answer(tokens("2")))
    agent = Agent(server, session, clock=clock)
    agent.get_ready()
    clock.advance(TWO_HOURS)
    agent.get_ready()
    assert [REFRESH] == [request.nsid for request in server.sent]


def test_one_lease_for_each_account(clock: FakeClock) -> None:
    """A lease in memory keeps others out for its seconds, for its account alone, or until it is given back."""
    store = MemorySessionStore(clock)
    assert [True, False, True] == [store.try_lease(did, 60) for did in (DID, DID, "did:plc:other")]
    clock.advance(59.9)
    assert store.try_lease(DID, 60) is False
    clock.advance(0.1)
    assert store.try_lease(DID, 60) is True
    store.release(DID)
    assert store.try_lease(DID, 60) is True


def test_a_refresh_that_is_asked_for_waits(
    server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """Who asks for a refresh gets one, though another process has the lease for now."""
    store = MemorySessionStore(clock)
    store.try_lease(DID, 60)
    server.on(REFRESH, answer(tokens("2")))
    assert tokens("2")["refreshJwt"] == Agent(server, session, store=store, clock=clock).refresh().refresh_jwt
    assert 60 <= clock.monotonic() < 61


@pytest.mark.parametrize("refusals", [1, 2])
def test_an_account_that_is_taken_down_costs_no_refresh(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens, refusals: int
) -> None:
    """What a server says about the account is believed, at the first call and after a refresh."""
    server.on(WHO, *[refusal(400, "ExpiredToken")] * (refusals - 1), refusal(401, "AccountTakedown"))
    server.on(REFRESH, answer(tokens("2")))
    with pytest.raises(AccountUnavailable):
        Agent(server, session, clock=clock).query(WHO)
    assert (refusals, refusals - 1) == (server.count(WHO), server.count(REFRESH))


def test_a_call_that_was_refused_and_cannot_be_repeated(
    server: Any, session: Session, refusal: Any, clock: FakeClock
) -> None:
    """A call that was sent once is in doubt, though the refresh after it could not be sent."""
    server.on(WHO, refusal(401, "AuthMissing"))
    server.on(REFRESH, NotSent("No network.", hint="Connect."))
    with pytest.raises(NoAnswer, match="No network") as caught:
        Agent(server, session, clock=clock).procedure(WHO)
    assert ("Connect.", 1) == (caught.value.hint, server.count(WHO))


def test_saved_sessions_that_the_server_refuses(
    server: Any, session: Session, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """After two sessions that others saved and that the server refuses, the session counts as expired."""

    class Busy(MemorySessionStore):
        def load(self, did: str) -> Session | None:
            return session.renewed(tokens(f"saved{server.count(WHO)}"), now=clock.now())

    server.on(WHO, refusal(400, "ExpiredToken"))
    with fails("token.expired", match=r"alice\.test has expired"):
        Agent(server, session, store=Busy(clock), clock=clock).query(WHO)
    assert (3, 0) == (server.count(WHO), server.count(REFRESH))


class Held(MemorySessionStore):
    """A store whose lease another process has, and does not give back."""

    tries = 0

    def try_lease(self, did: str, seconds: float) -> bool:
        self.tries += 1
        return False


def test_nobody_waits_for_a_refresh_that_can_wait(server: Any, session: Session, answer: Any, clock: FakeClock) -> None:
    """While the old token is good, a call does not wait for the refresh of another process."""
    server.on(WHO, answer({"ok": 1}))
    clock.advance(TWO_HOURS - 200)
    before = clock.now()
    assert {"ok": 1} == Agent(server, session, store=Held(clock), clock=clock).query(WHO)
    assert ([session.access_jwt], before) == ([request.token for request in server.sent], clock.now())


def test_what_the_holder_of_the_lease_saved_is_used(
    server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """A session that another process saves while it has the lease is used at once."""
    clock.advance(TWO_HOURS)
    store = Held(clock)
    store.save(session.renewed(tokens("2"), now=clock.now()))
    before = clock.now()
    server.on(WHO, answer({}))
    Agent(server, session, store=store, clock=clock).query(WHO)
    assert ([tokens("2")["accessJwt"]], before) == ([request.token for request in server.sent], clock.now())


def test_calls_during_a_refresh(server: Any, session: Session, answer: Any, clock: FakeClock, tokens: Tokens) -> None:
    """While one thread refreshes a session that is still good, others go on with the old token."""

    def refresh(_sent: Any) -> Any:
        agent.query(WHO)
        return answer(tokens("2"))

    server.on(WHO, answer({}))
    server.on(REFRESH, refresh)
    agent = Agent(server, session, clock=clock)
    clock.advance(TWO_HOURS - 200)
    agent.query(WHO)
    sent = [request.token for request in server.sent]
    assert [session.refresh_jwt, session.access_jwt, tokens("2")["accessJwt"]] == sent


def test_a_refresh_that_came_during_a_call(
    server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """A call that is refused after another thread has refreshed the session is repeated with the new token."""

    def who(_sent: Any) -> Any:
        agent.refresh()
        return refusal(400, "ExpiredToken")

    server.on(WHO, who, answer({"ok": 1}))
    server.on(REFRESH, answer(tokens("2")))
    agent = Agent(server, session, clock=clock)
    assert {"ok": 1} == agent.query(WHO)
    assert (1, tokens("2")["accessJwt"]) == (server.count(REFRESH), server.sent[-1].token)


def test_describe_server_once(server: Any, session: Session, answer: Any, clock: FakeClock) -> None:
    """What the server says about itself is asked once."""
    server.on("com.atproto.server.describeServer", answer({"blobUploadLimit": 5_242_880}))
    agent = Agent(server, session, clock=clock)
    assert [agent.blob_upload_limit() for _ in range(2)] == [5_242_880] * 2
    assert len(server.sent) == 1


def test_logout(server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock) -> None:
    """Logging out spends the refresh token, and a session that is already over is no error."""
    server.on("com.atproto.server.deleteSession", answer({}), refusal(400, "ExpiredToken"))
    agent = Agent(server, session, clock=clock)
    agent.delete_session()
    agent.delete_session()
    assert [session.refresh_jwt] * 2 == [request.token for request in server.sent]


def test_no_secret_in_any_error(server: Any, session: Session, answer: Any, refusal: Any, clock: FakeClock) -> None:
    """Whatever fails, and whatever the server repeats, no token and no password is in an error."""
    tokens = f"{session.access_jwt} {session.refresh_jwt}"
    shown: list[str] = []
    for status in (302, 400, 401, 403, 404, 413, 429, 500, 503):
        for name in ("ExpiredToken", "InvalidToken", "AuthFactorTokenRequired", "InvalidRequest", "echo"):
            for nsid, echo in ((CREATE, "canary-password canary-code"), (REFRESH, tokens), (WHO, tokens)):
                error_code = echo if name == "echo" else name
                server.on(nsid, refusal(status, error_code, echo, x_request_id=echo))
            agent = Agent(server, session, clock=clock)
            for call in (
                lambda: create_session(server, PDS, "alice.test", "canary-password", "canary-code", clock=clock),
                lambda agent=agent: agent.query(WHO),
                lambda agent=agent: agent.procedure(WHO, {"password": "x"}),
                lambda agent=agent: agent.refresh(),
            ):
                with pytest.raises(SkywriteError) as caught:
                    call()
                error = caught.value
                shown.append(f"{error!r} {error} {error.as_dict()} {getattr(error, 'request_id', '')}")
                shown.append(str(getattr(error, "server_error", "")))
    assert [text for text in shown if "canary" in text] == []
    assert len(shown) == 9 * 5 * 4 * 2


def test_a_token_that_stays_unknown(
    server: Any, session: Session, refusal: Any, answer: Any, clock: FakeClock, tokens: Tokens
) -> None:
    """A token that the server does not know even after a refresh is told as such."""
    server.on(WHO, refusal(400, "InvalidToken", "Token could not be verified"))
    server.on(REFRESH, answer(tokens("2")))
    with fails("token.invalid"):
        Agent(server, session, clock=clock).query(WHO)
    assert server.count(REFRESH) == 1
