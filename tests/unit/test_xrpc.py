"""Promises of XRPC calls: what is sent, what a refusal becomes, and what is repeated."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skywrite.core.clock import FakeClock
from skywrite.core.errors import (
    InputError,
    NoAnswer,
    NotSent,
    RateLimited,
    RejectedError,
    ServerAnswer,
    SignInError,
    SkywriteError,
    TemporaryError,
)
from skywrite.core.http import Response
from skywrite.protocol.atproto.xrpc import Xrpc
from skywrite.protocol.atproto.xrpc_errors import (
    AccountUnavailable,
    BlobNotFound,
    MethodNotSupported,
    NotSignedIn,
    RecordNotFound,
    Refused,
    ServerFailure,
    error_from,
    rate_limit_end,
)
from tests.support.errors import fails, known_as

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
APPLY = "com.atproto.repo.applyWrites"
GET = "com.atproto.repo.getRecord"


@pytest.fixture
def xrpc(server: Any, clock: FakeClock) -> Xrpc:
    return Xrpc(server, "https://pds.example/", clock=clock)


def test_query_address(xrpc: Xrpc, server: Any, answer: Any) -> None:
    """Parameters are encoded as the specification says: lists repeated, booleans in words, None left out."""
    server.on("a.b.c", answer({"ok": 1}))
    got = xrpc.query("a.b.c", {"n": 3, "on": True, "list": ["x y", "ü&="], "gone": None})
    assert got == {"ok": 1}
    assert server.sent[0].url == "https://pds.example/xrpc/a.b.c?n=3&on=true&list=x%20y&list=%C3%BC%26%3D"


def test_procedure_body(xrpc: Xrpc, server: Any, answer: Any) -> None:
    """An object goes out as UTF-8 JSON, and an answer without a body is an empty object."""
    server.on("a.b.c", Response(200, {}, b""))
    assert xrpc.procedure("a.b.c", {"text": "ü"}) == {}
    assert (server.sent[0].body, server.sent[0].headers["content-type"]) == (b'{"text":"\xc3\xbc"}', "application/json")


def test_streamed_body_begins_anew(xrpc: Xrpc, server: Any, answer: Any) -> None:
    """A streamed body is started again when the first request never left."""
    server.on("a.b.c", NotSent("refused"), answer({}))
    xrpc.procedure("a.b.c", lambda: iter([b"one", b"two"]), content_type="video/mp4")
    assert [request.body for request in server.sent] == [b"onetwo", b"onetwo"]


def test_bytes_out(xrpc: Xrpc, server: Any) -> None:
    """Raw output comes back as it is, and never more of it than was asked for."""
    server.on("a.b.c", Response(200, {}, b"\x00\xff" * 10))
    assert xrpc.query_bytes("a.b.c") == b"\x00\xff" * 10
    with pytest.raises(RejectedError):
        xrpc.query_bytes("a.b.c", max_bytes=5)


@pytest.mark.parametrize(
    ("nsid", "status", "name", "message", "kind", "branch"),
    [
        (APPLY, 400, "InvalidRequest", "Invalid app.bsky.feed.post record: too big", "record.refused", RejectedError),
        (APPLY, 400, "InvalidMimeType", "Referenced Mimetype does not match", "record.refused", RejectedError),
        (APPLY, 400, "InvalidRequest", "Could not find account", Refused, RejectedError),
        (APPLY, 400, "BlobNotFound", "Could not find blob: bafk", BlobNotFound, RejectedError),
        (APPLY, 400, "InvalidSwap", "Commit was at x", "record.swapped", RejectedError),
        (APPLY, 400, "ConcurrentWrites", "Too many concurrent writes", ServerFailure, TemporaryError),
        (GET, 400, "RecordNotFound", "Could not locate record", RecordNotFound, RejectedError),
        (GET, 400, "InvalidRequest", "no record here", Refused, RejectedError),
        (GET, 400, "ExpiredToken", "Token has expired", "token.expired", SignInError),
        (GET, 400, "InvalidToken", "Token could not be verified", "token.invalid", SignInError),
        (GET, 401, "ExpiredToken", "Token has expired", "token.expired", SignInError),
        (GET, 401, "AuthMissing", "Authentication Required", NotSignedIn, SignInError),
        (GET, 401, "AccountTakedown", "Account has been taken down", AccountUnavailable, SignInError),
        (GET, 403, "AccountTakedown", "Account has been taken down", AccountUnavailable, SignInError),
        (GET, 401, "AccountDeactivated", "Account is deactivated", AccountUnavailable, SignInError),
        (GET, 403, "Forbidden", "no", Refused, RejectedError),
        (GET, 404, "XRPCNotSupported", "XRPCNotSupported", MethodNotSupported, RejectedError),
        (GET, 404, "NotFound", "", MethodNotSupported, RejectedError),
        (GET, 501, "MethodNotImplemented", "Method Not Implemented", MethodNotSupported, RejectedError),
        (APPLY, 413, "PayloadTooLarge", "request entity too large", "request.too_large", RejectedError),
        (APPLY, 429, "RateLimitExceeded", "Rate Limit Exceeded", RateLimited, TemporaryError),
        (APPLY, 500, "InternalServerError", "Internal Server Error", ServerFailure, TemporaryError),
        (APPLY, 502, "UpstreamFailure", "", ServerFailure, TemporaryError),
        (APPLY, 503, "NotEnoughResources", "", ServerFailure, TemporaryError),
        (APPLY, 504, "UpstreamTimeout", "", ServerFailure, TemporaryError),
        (APPLY, 408, "", "", ServerFailure, TemporaryError),
    ],
)
def test_refusals(
    xrpc: Xrpc,
    server: Any,
    refusal: Any,
    nsid: str,
    status: int,
    name: str,
    message: str,
    kind: type[SkywriteError],
    branch: type[SkywriteError],
) -> None:
    """Each status and error name becomes one kind of error, and the server's words, name and request id are kept."""
    server.on(nsid, refusal(status, name, message, x_request_id="r-1"))
    with fails(branch) as caught:
        xrpc.procedure(nsid, {})
    error = caught.value
    assert kind == known_as(error, kind)
    assert isinstance(error, ServerAnswer)
    assert (status, name or None, "r-1") == (error.status, error.server_error, error.request_id)
    assert branch.exit_code == error.exit_code
    assert isinstance(error, AccountUnavailable) or message.rstrip(".") in error.message


@pytest.mark.parametrize(
    ("response", "kind", "words"),
    [
        (
            Response(200, {"content-type": "text/html; charset=utf-8"}, b"<html>Welcome"),
            "server.not_a_pds",
            "a web page",
        ),
        (Response(404, {"content-type": "text/html"}, b"<html>gone"), "server.not_a_pds", "a web page"),
        (Response(403, {"content-type": "text/html"}, b"<html>blocked"), "server.not_a_pds", "a web page"),
        (Response(302, {"location": "https://login.example/"}, b""), "server.not_a_pds", "https://login.example/"),
        (Response(200, {"content-type": "text/plain"}, b"hello"), "server.not_a_pds", "something else"),
        (Response(200, {"content-type": "application/json"}, b'{"did":"did:p'), NoAnswer, "cut off or broken"),
        (Response(200, {"content-type": "application/json"}, b"[1]"), NoAnswer, "cut off or broken"),
        (Response(200, {"content-type": "application/json"}, b"[" * 100_000), NoAnswer, "cut off or broken"),
        (Response(502, {"content-type": "text/html"}, b"<html>Bad gateway"), ServerFailure, "502"),
        (Response(429, {"content-type": "text/html"}, b"<html>slow down"), RateLimited, "429"),
        (Response(413, {"content-type": "text/html"}, b"<html>too large"), "request.too_large", "413"),
    ],
)
def test_no_xrpc(xrpc: Xrpc, server: Any, response: Response, kind: type[SkywriteError], words: str) -> None:
    """What is no XRPC is told as such; a write that it answers stays in doubt."""
    server.on("a.b.c", response)
    with fails(kind) as caught:
        xrpc.procedure("a.b.c", {})
    assert kind == known_as(caught.value, kind)
    assert words in caught.value.message


def test_queries_are_repeated(xrpc: Xrpc, server: Any, answer: Any, refusal: Any, clock: FakeClock) -> None:
    """A query is tried three times where the answer is missing, broken or 502 to 504, with pauses between."""
    broken = Response(200, {"content-type": "application/json"}, b"{")
    for first in (NotSent("x"), NoAnswer("x"), broken, refusal(502, ""), refusal(503, ""), refusal(504, "")):
        server.on("a.b.c", first, first, answer({"ok": 1}))
        before = clock.now()
        assert xrpc.query("a.b.c") == {"ok": 1}
        assert timedelta(seconds=0.6) <= clock.now() - before <= timedelta(seconds=1.8)


def test_queries_are_not_repeated_for_ever(xrpc: Xrpc, server: Any) -> None:
    """After three tries the error is told."""
    server.on("a.b.c", NoAnswer("reset"))
    with pytest.raises(NoAnswer):
        xrpc.query("a.b.c")
    assert server.count("a.b.c") == 3


@pytest.mark.parametrize("status", [400, 401, 429, 500, 501])
def test_what_a_repeat_cannot_help(xrpc: Xrpc, server: Any, refusal: Any, status: int) -> None:
    """A refused query is not repeated."""
    server.on("a.b.c", refusal(status, "X"))
    with pytest.raises(SkywriteError):
        xrpc.query("a.b.c")
    assert server.count("a.b.c") == 1


@pytest.mark.parametrize("error", [NoAnswer("reset"), None])
def test_writes_are_never_repeated_blindly(xrpc: Xrpc, server: Any, refusal: Any, error: Exception | None) -> None:
    """A procedure that may have been carried out is sent once."""
    server.on("a.b.c", error or refusal(503, "NotEnoughResources"))
    with pytest.raises(TemporaryError):
        xrpc.procedure("a.b.c", {})
    assert server.count("a.b.c") == 1


def test_writes_that_never_left(xrpc: Xrpc, server: Any) -> None:
    """A procedure that never left is tried once more."""
    server.on("a.b.c", NotSent("refused"))
    with pytest.raises(NotSent):
        xrpc.procedure("a.b.c", {})
    assert server.count("a.b.c") == 2


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "17"}, 17),
        ({"retry-after": "Tue, 24 Nov 2026 12:00:30 GMT"}, 30),
        ({"ratelimit-reset": str(int(NOON.timestamp()) + 90)}, 90),
        ({"retry-after": "5", "ratelimit-reset": str(int(NOON.timestamp()) + 90)}, 5),
        ({"ratelimit-reset": str(int(NOON.timestamp()) + 3690), "date": "Tue, 24 Nov 2026 13:00:00 GMT"}, 90),
        ({}, 60),
        ({"retry-after": "soon"}, 60),
        ({"retry-after": "Tue, 99 Nov 2026 12:00:30 GMT"}, 60),
        ({"retry-after": "0"}, 1),
        ({"ratelimit-reset": "1"}, 1),
        ({"ratelimit-reset": "45"}, 45),
        ({"ratelimit-reset": str(int(NOON.timestamp() * 1000) + 90_000)}, 90),
        ({"ratelimit-reset": str(int(NOON.timestamp()) + 86_400)}, 3600),
        ({"ratelimit-reset": "9" * 400}, 3600),
        ({"retry-after": "9" * 400}, 3600),
    ],
)
def test_rate_limit_end(headers: dict[str, str], seconds: int) -> None:
    """A limit ends when the server says, by its own clock, and in a minute if it is silent. After an hour at most it is
    tried again. Milliseconds, and seconds from now, are read as what they are."""
    assert NOON + timedelta(seconds=seconds) == rate_limit_end(headers, NOON)


def test_rate_limited_says_until_when(xrpc: Xrpc, server: Any, refusal: Any) -> None:
    """A 429 carries the end of the limit."""
    server.on("a.b.c", refusal(429, "RateLimitExceeded", retry_after="120"))
    with pytest.raises(RateLimited) as caught:
        xrpc.procedure("a.b.c")
    assert NOON + timedelta(seconds=120) == caught.value.until


def test_refused_keeps_the_answer(xrpc: Xrpc, server: Any, answer: Any) -> None:
    """A refusal keeps the whole JSON object, for services that answer with more than a message."""
    server.on("a.b.c", answer({"error": "already_exists", "jobId": "7"}, 409))
    with pytest.raises(Refused) as caught:
        xrpc.procedure("a.b.c")
    assert caught.value.answer["jobId"] == "7"


@pytest.mark.parametrize("body", [{"t": "\ud800"}, {"n": float("nan")}, {"o": object()}])
def test_unsendable_bodies(xrpc: Xrpc, server: Any, body: dict[str, object]) -> None:
    """A body that is no JSON in UTF-8 is refused before anything is sent, without quoting it."""
    with pytest.raises(InputError) as caught:
        xrpc.procedure("a.b.c", {"password": "canary-password", **body})
    assert (server.sent, "canary" in str(caught.value)) == ([], False)


def test_unsendable_params(xrpc: Xrpc, server: Any) -> None:
    """A parameter that is no UTF-8 is refused before anything is sent."""
    with pytest.raises(InputError):
        xrpc.query("a.b.c", {"q": "\udfff"})
    assert server.sent == []


@pytest.mark.parametrize("address", ["", "bsky.social", "ftp://x", "https://", "https://me:secret@pds.example"])
def test_bad_addresses(server: Any, address: str) -> None:
    """What is no address of a server is told at once, and never with a password in it."""
    with pytest.raises(InputError) as caught:
        Xrpc(server, address)
    assert "secret" not in str(caught.value)


def test_tokens_do_not_come_back(xrpc: Xrpc, server: Any, refusal: Any, jwt: Callable[..., str]) -> None:
    """A server that repeats a token, a password or another account's token in its message does not get it into ours."""
    own, other = "opaque-canary-token", jwt(1, mark="canary")
    server.on("a.b.c", refusal(400, "InvalidRequest", f"bad {own} and {other} and hunter2-canary"))
    with pytest.raises(Refused) as caught:
        xrpc.procedure("a.b.c", {}, headers={"authorization": f"Bearer {own}"}, hide=["hunter2-canary"])
    assert "canary" not in f"{caught.value!r} {caught.value.as_dict()}"


def test_server_words_fit_one_line(xrpc: Xrpc, server: Any, refusal: Any) -> None:
    """A server's words cannot fill the screen or steer the terminal."""
    server.on("a.b.c", refusal(400, "Invalid\x1b[2J", "line\nline\x1b[31m\u202e" + "x" * 10_000))
    with pytest.raises(Refused) as caught:
        xrpc.procedure("a.b.c")
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 800


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.dictionaries(st.text(), inner), max_leaves=5
)


@settings(max_examples=50)
@given(
    status=st.integers(300, 599),
    error=JSON,
    message=JSON,
    headers=st.dictionaries(
        st.sampled_from(["retry-after", "ratelimit-reset", "date", "location", "content-type", "x-request-id"]),
        st.text(),
    ),
)
def test_any_refusal_is_reported(status: int, error: Any, message: Any, headers: dict[str, str]) -> None:
    """Whatever a server answers becomes an error of the tree with a printable message."""
    import json

    body = json.dumps({"error": error, "message": message}).encode()
    told = error_from(APPLY, "pds.example", Response(status, headers, body), now=NOON)
    assert isinstance(told, SkywriteError)
    assert told.message.isprintable()


@given(body=st.binary(max_size=60), status=st.sampled_from([200, 302, 400, 401, 404, 413, 429, 500, 502]))
def test_any_bytes_are_reported(body: bytes, status: int) -> None:
    """Whatever bytes come back, the call ends with an object or an error of the tree."""

    class Fixed:
        def request(self, *_args: Any, **_kwargs: Any) -> Response:
            return Response(status, {}, body)

    xrpc = Xrpc(Fixed(), "https://pds.example", clock=FakeClock(NOON))
    try:
        answer = xrpc.procedure("a.b.c", {})
    except SkywriteError:
        return
    assert isinstance(answer, dict)


@pytest.mark.parametrize(
    "url", ["http://pds.alice.org", "http://93.184.216.34:3000", "http://bsky.social", "http://127.1"]
)
def test_servers_of_the_internet_are_not_asked_in_the_clear(url: str) -> None:
    """Plain http to a public host is refused before anything is sent."""
    with pytest.raises(InputError, match="not encrypted"):
        Xrpc(cast(Any, None), url)


@pytest.mark.parametrize(
    "url", ["http://localhost:2583", "http://127.0.0.1:1", "http://[::1]:1", "http://192.168.1.2", "http://pds:3000"]
)
def test_local_servers_may_be_asked_in_the_clear(url: str) -> None:
    """A server of one's own computer or network needs no certificate."""
    assert url == Xrpc(cast(Any, None), url).base_url
