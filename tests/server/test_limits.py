"""Bounds on callers, one by one: buckets that fill evenly, and bodies that are too large or never come."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from starlette.requests import Request
from starlette.types import Message

from skywrite.core.clock import FakeClock
from skywrite.faces.server import limits
from skywrite.faces.server.auth import AFTER_SIGN_IN, own_path
from skywrite.faces.server.limits import Buckets, Quota, bounded, read_body
from skywrite.faces.server.pages.frame import back
from skywrite.faces.server.problems import BodyTooLarge, RequestTimeout, TooManyRequests
from skywrite.faces.server.security import Origin

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands at noon."""
    return FakeClock(NOON)


def test_a_bucket_fills_evenly(clock: FakeClock) -> None:
    """Ten requests a minute: ten at once, then one every six seconds, and each caller has a bucket of their own."""
    buckets = Buckets(Quota(10, 60), clock)
    assert [False] * 10 + [True] == [buckets.spend("a").refused for _ in range(11)]
    assert not buckets.spend("b").refused
    clock.advance(6)
    assert [False, True] == [buckets.spend("a").refused for _ in range(2)]
    clock.advance(3600)
    assert 9 == buckets.spend("a").left


def test_a_refusal_says_when(clock: FakeClock) -> None:
    """A refusal says in how many seconds one more request is let through, and it is."""
    buckets = Buckets(Quota(2, 60), clock)
    for _ in range(2):
        buckets.check("a", "requests")
    with pytest.raises(TooManyRequests) as refused:
        buckets.check("a", "requests")
    assert ("30", '"default";r=0;t=30') == (refused.value.headers["retry-after"], refused.value.headers["ratelimit"])
    clock.advance(30)
    assert '"default";r=0;t=60' == buckets.check("a", "requests")["ratelimit"]


def test_callers_are_forgotten(clock: FakeClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many addresses somebody comes from, only the last ones are remembered."""
    monkeypatch.setattr(limits, "BUCKETS_MAX", 3)
    buckets = Buckets(Quota(1, 60), clock)
    for name in "abcd":
        buckets.spend(name)
    assert [False, True] == [buckets.spend("a").refused, buckets.spend("d").refused]


def body(pieces: Iterable[bytes], *, ends: bool = True) -> Request:
    """A request whose body comes in these pieces, and then ends, or nothing comes any more."""
    messages: list[Message] = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    if ends:
        messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        return await asyncio.Future()

    return Request({"type": "http", "method": "POST", "path": "/", "headers": []}, receive)


def test_bodies_are_bounded_as_they_come() -> None:
    """A body without a length is read no further than it may be large."""
    assert b"abcd" == asyncio.run(read_body(body([b"ab", b"cd"]), 4))
    with pytest.raises(BodyTooLarge):
        asyncio.run(read_body(body([b"ab", b"cd", b"e"], ends=False), 4))


def test_bodies_that_stop_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body that stops coming is waited for as long as is said, and no longer."""
    monkeypatch.setattr(limits, "PIECE_SECONDS_MAX", 0.01)
    with pytest.raises(RequestTimeout):
        asyncio.run(read_body(body([b"ab"], ends=False)))


def test_names_of_a_server() -> None:
    """A server is known by this computer's names, or by its public one; an origin is its own with host and port."""
    local, public = Origin.of(None), Origin.of("https://posts.example.com")
    assert (True, True, False, False) == (
        local.knows("skywrite.localhost:8080"),
        local.knows("[::1]:8080"),
        local.knows("posts.example.com"),
        local.knows("127.0.0.1@evil.example"),
    )
    assert (True, False) == (public.knows("posts.example.com"), public.knows("posts.example.com.evil.example"))
    assert public.is_own("https://posts.example.com", "127.0.0.1:8080")
    assert not public.is_own("http://posts.example.com", "posts.example.com.evil.example")
    assert local.is_own("http://127.0.0.1:8080", "127.0.0.1:8080")
    assert not local.is_own("http://127.0.0.1:8081", "127.0.0.1:8080")


def test_forms_that_stop_coming(monkeypatch: pytest.MonkeyPatch) -> None:
    """A form of the page is bounded like every body: in size, and in how long nothing may come."""
    monkeypatch.setattr(limits, "PIECE_SECONDS_MAX", 0.01)
    with pytest.raises(RequestTimeout):
        asyncio.run(bounded(body([b"a=1&"], ends=False), 10).body())
    with pytest.raises(BodyTooLarge):
        asyncio.run(bounded(body([b"a=1", b"&b=2"]), 5).body())
    assert b"a=1&b" == asyncio.run(bounded(body([b"a=1", b"&b"]), 5).body())


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "evil.example",
        "/a\\b",
        "/a\nb",
        "",
    ],
)
def test_nothing_leads_to_another_site(path: str) -> None:
    """Where a form says that it leads back to, is a path of this server, or the first page (no open redirect)."""
    assert AFTER_SIGN_IN == own_path(path)
    assert "/posts/3?x=1#y" == own_path("/posts/3?x=1#y")
    assert (back(path or "/").headers["location"]).startswith("/")
    assert not back(path or "/").headers["location"].startswith(("//", "/\\"))
