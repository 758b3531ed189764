"""Promises of an OAuth session as data: when it must be refreshed, what a response changes, and its text form."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from skywrite.protocol.atproto.oauth_session import OAuthSession
from skywrite.queue.accounts import read_session
from tests.support.errors import fails
from tests.support.oauth_session import NOON, oauth_session

MONTH = 30 * 86_400


def lasting(seconds: int) -> OAuthSession:
    """A session whose access token lives for so many seconds from noon."""
    return oauth_session(lifetime_seconds=seconds, expires_at=NOON + timedelta(seconds=seconds))


@pytest.mark.parametrize(
    ("lifetime", "due", "unusable"), [(3600, 3000, 3570), (60, 45, 54), (2400, 1800, 2370), (86_400, 85_800, 86_370)]
)
def test_when_tokens_are_renewed(lifetime: int, due: float, unusable: float) -> None:
    """Tokens are due ten minutes before their end (a quarter of a short life) and unusable in its last 30 seconds."""
    session = lasting(lifetime)
    ages = (0, due - 0.1, due, unusable - 0.1, unusable, lifetime + 1)
    states = [
        (session.is_due(NOON + timedelta(seconds=age)), session.is_usable(NOON + timedelta(seconds=age)))
        for age in ages
    ]
    assert [(False, True), (False, True), (True, True), (True, True), (True, False), (True, False)] == states


def test_a_session_that_is_over_is_unusable() -> None:
    """A session that has ended is used for nothing, however long its token would live."""
    assert (True, False) == (oauth_session().is_usable(NOON), oauth_session(phase="over").is_usable(NOON))


@pytest.mark.parametrize(("key_id", "days", "idle_days"), [(None, 14, 14), ("key", 730, 91)])
def test_when_a_session_ends(key_id: str | None, days: int, idle_days: int) -> None:
    """A public client's session lasts two weeks, a confidential one's two years, or three months without a refresh."""
    session = oauth_session(key_id=key_id)
    assert (key_id is not None, False) == (session.is_confidential, session.uses_main_password)
    assert NOON + timedelta(days=days) == session.ends_at
    assert NOON + timedelta(days=idle_days) == session.idle_ends_at
    late = session._replace(refreshed_at=session.ends_at - timedelta(days=1))
    assert session.ends_at == late.idle_ends_at


def test_a_refresh_that_begins_and_ends() -> None:
    """A refresh notes the host and the time, each host that finds it adds its own, and its end forgets them."""
    started = oauth_session().refreshing("here", NOON)
    noticed = started.noticed("elsewhere", NOON + timedelta(minutes=1))
    assert ("refreshing", {"here": NOON}) == (started.phase, started.seen)
    assert {"here": NOON, "elsewhere": NOON + timedelta(minutes=1)} == noticed.seen
    assert oauth_session() == noticed.ready()


@pytest.mark.parametrize(
    ("answer", "changes"),
    [
        ({}, {}),
        ({"access_token": "", "refresh_token": "", "scope": "", "expires_in": 0}, {}),
        ({"access_token": None, "refresh_token": 7, "scope": ["x"], "expires_in": "60"}, {}),
        (
            {"access_token": "a", "refresh_token": "r", "scope": "atproto x", "expires_in": 60},
            {"access_token": "a", "refresh_token": "r", "scope": "atproto x", "lifetime_seconds": 60},
        ),
        ({"expires_in": 1}, {"lifetime_seconds": 1}),
        ({"expires_in": MONTH}, {"lifetime_seconds": MONTH}),
        ({"expires_in": MONTH + 1}, {"lifetime_seconds": MONTH}),
        ({"expires_in": -1}, {}),
    ],
)
def test_what_a_response_changes(answer: dict[str, Any], changes: dict[str, Any]) -> None:
    """What a response leaves out, or garbles, stays as it was; a token lives a month at most."""
    now = NOON + timedelta(minutes=50)
    seconds = changes.get("lifetime_seconds", 3600)
    expected = oauth_session(refreshed_at=now, expires_at=now + timedelta(seconds=seconds), **changes)
    assert expected == oauth_session().refreshing("here", NOON).renewed(answer, now)


def test_what_may_replace_what() -> None:
    """New tokens replace those that they were made from; everything else replaces exactly what it was made from."""
    before = oauth_session().refreshing("here", NOON)
    noticed = before.noticed("elsewhere", NOON)
    newer = before.renewed({"refresh_token": "refresh-2"}, NOON)
    cases = {
        "new tokens": newer.may_replace(before, before),
        "new tokens after somebody noticed": newer.may_replace(noticed, before),
        "new tokens after a sign-in": newer.may_replace(oauth_session(refresh_token="other"), before),
        "ready": before.ready().may_replace(before, before),
        "ready after somebody noticed": before.ready().may_replace(noticed, before),
        "ready after the end": before.ready().may_replace(before._replace(phase="over"), before),
    }
    assert ["new tokens", "new tokens after somebody noticed", "ready"] == [name for name, may in cases.items() if may]


def test_the_text_form() -> None:
    """A session comes back from its text as it was, with the times of all hosts."""
    session = oauth_session(key_id="key", seen={"here": NOON}, phase="refreshing", refreshed_at=NOON)
    assert session == read_session(session.to_json())


@pytest.mark.parametrize(
    "broken", [{"expires_at": "soon"}, {"seen": 7}, {"seen": {"here": None}}, {"created_at": None}, {"did": ...}]
)
def test_a_text_form_that_is_broken(broken: dict[str, Any]) -> None:
    """What is no session any more is an error that says to sign in again."""
    fields = {**json.loads(oauth_session().to_json()), **broken}
    text = json.dumps({name: value for name, value in fields.items() if value is not ...})
    with fails("session.invalid") as caught:
        read_session(text)
    assert "Sign in again." == caught.value.hint


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"kind": "other"}', '{"kind": "oauth"}', "[" * 100_000])
def test_texts_that_are_no_session(text: str) -> None:
    """Any other stored text is no session of either kind."""
    with fails("session.invalid"):
        read_session(text)


def test_a_copy_is_refused() -> None:
    """A session by OAuth cannot be exported: the second copy to refresh would end it."""
    with fails("session.invalid", match=r"alice\.test uses OAuth"):
        oauth_session().export_string()
