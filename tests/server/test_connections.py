"""Strangers' connections: whoever takes their time, or takes many, holds up nobody but themselves."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from uvicorn import Config
from uvicorn.server import ServerState

from skywrite.core.clock import FakeClock
from skywrite.faces.server import connections as module
from skywrite.faces.server import hub as hub_module
from skywrite.faces.server import uploads
from skywrite.faces.server.connections import HalfOpen, connections, network_of
from skywrite.faces.server.problems import TooManyRequests
from skywrite.faces.server.uploads import Uploads
from skywrite.features.people import passkeys
from skywrite.features.people.passkeys import Challenges
from tests.support.processes import PATIENCE_SECONDS
from tests.support.serving import Api, Server
from tests.support.world import NOON

HEAD = b"GET / HTTP/1.1\r\nhost: localhost\r\n"


class Ended:
    """A connection that remembers whether it was ended."""

    def __init__(self) -> None:
        self.is_ended = False

    def close(self) -> None:
        self.is_ended = True


def test_whoever_has_most_loses_the_oldest() -> None:
    """A thousand connections without a request, from one address, end nobody else's."""
    half_open = HalfOpen(most=5)
    modest, greedy = Ended(), [Ended() for _ in range(8)]
    half_open.add(modest, "192.0.2.1")
    for one in greedy:
        half_open.add(one, "192.0.2.2")
    assert (False, [True] * 4 + [False] * 4) == (modest.is_ended, [one.is_ended for one in greedy])
    for one in (modest, *greedy):
        half_open.discard(one)
    assert 0 == len(half_open)


def test_whom_an_address_belongs_to() -> None:
    """Of IPv6 everybody has as many addresses as they like, which count as one."""
    assert network_of("2001:db8::1") == network_of("2001:db8::ffff:2") != network_of("2001:db8:0:1::1")
    assert ["192.0.2.1", "::ffff:192.0.2.1", "unix"] == list(map(network_of, ("192.0.2.1", "::ffff:192.0.2.1", "unix")))


async def hello(scope: Any, receive: Any, send: Any) -> None:
    """Answers each request."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"hi"})


@asynccontextmanager
async def served(half_open: HalfOpen) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A client's connection to an application."""
    config = Config(hello, log_config=None, access_log=False)
    config.load()
    kind = connections(half_open)
    make: Callable[[], Any] = lambda: kind(config, ServerState(), {})  # noqa: E731
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 0)
    try:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        yield reader, writer
        writer.close()
        await writer.wait_closed()
    finally:
        server.close()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [(b"", b""), (HEAD, b"HTTP/1.1 408"), (HEAD + b"\r\n" + HEAD, b"HTTP/1.1 200")],
    ids=["nothing", "half a head", "half of a second one"],
)
def test_slow_heads_time_out(sent: bytes, expected: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head of a request is waited for as long as is said, on new connections and on used ones."""
    monkeypatch.setattr(module, "HEAD_SECONDS_MAX", 0.05)

    async def main() -> tuple[bytes, int]:
        half_open = HalfOpen()
        async with served(half_open) as (reader, writer):
            writer.write(sent)
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await reader.read(), len(half_open)

    answer, left = asyncio.run(main())
    assert (True, sent.count(HEAD) > 0, 0) == (answer.startswith(expected), answer.count(b"HTTP/1.1") > 0, left)
    assert (sent.count(HEAD) == 2) == (answer.endswith(module._TIMED_OUT) and answer != module._TIMED_OUT)


CHUNKED = HEAD.replace(b"GET", b"POST") + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "then", "expected"),
    [
        (CHUNKED + b"zz\r\n", b"", b"HTTP/1.1 400"),
        (CHUNKED, b"zz\r\n", b"HTTP/1.1 200"),
        (CHUNKED + b"1\r\na\r\n" * 1000, b"", b"HTTP/1.1 400"),
        (CHUNKED, b"1\r\na\r\n" * 1000, b"HTTP/1.1 200"),
        (b"\x16\x03\x01 no HTTP\r\n\r\n", b"", b"HTTP/1.1 400"),
    ],
    ids=["at once", "after the answer", "a body in single bytes", "the same after the answer", "no HTTP"],
)
def test_what_is_no_request_ends_the_connection_and_is_no_line_in_the_log(
    first: bytes, then: bytes, expected: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is answered once at most, whenever it comes, and a stranger writes nothing into the log."""

    async def main() -> bytes:
        async with served(HalfOpen()) as (reader, writer), asyncio.timeout(PATIENCE_SECONDS):
            writer.write(first)
            begin = await reader.read(1)
            writer.write(then)
            return begin + await reader.read()

    caplog.set_level(logging.INFO)
    answer = asyncio.run(main())
    assert (True, 1, []) == (answer.startswith(expected), answer.count(b"HTTP/1.1 "), caplog.messages)


def test_chunks_of_a_usual_size_are_read() -> None:
    """However many they are."""

    async def main() -> bytes:
        async with served(HalfOpen()) as (reader, writer), asyncio.timeout(PATIENCE_SECONDS):
            writer.write(CHUNKED + (b"40\r\n" + b"a" * 64 + b"\r\n") * 3000 + b"0\r\n\r\n" + HEAD + b"\r\n")
            return await reader.readuntil(b"hi") + await reader.readuntil(b"hi")

    assert 2 == asyncio.run(main()).count(b"HTTP/1.1 200")


def test_answers_that_nobody_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that asks for much and reads nothing loses the connection; one that reads on keeps it."""
    monkeypatch.setattr(module, "READING_SECONDS_MAX", 0.01)

    class Wire:
        def __init__(self) -> None:
            self.aborted = asyncio.Event()

        def abort(self) -> None:
            self.aborted.set()

        def get_extra_info(self, name: str) -> None:
            """Nothing is known of it."""

        def is_closing(self) -> bool:
            return self.aborted.is_set()

    async def main() -> tuple[bool, bool]:
        config = Config(hello, log_config=None)
        config.load()
        wires = Wire(), Wire()
        for wire in wires:
            connection: Any = connections(HalfOpen())(config, ServerState(), {})
            connection.connection_made(wire)
            connection.pause_writing()
            if wire is wires[1]:
                connection.resume_writing()
        async with asyncio.timeout(PATIENCE_SECONDS):
            await wires[0].aborted.wait()
        return wires[0].is_closing(), wires[1].is_closing()

    assert (True, False) == asyncio.run(main())


def test_two_ends_of_one_request(server: Server, everything: Api) -> None:
    """A length beside an encoding is refused, and the connection ends: a proxy may have seen another request in it."""
    place = urlsplit(server.url)
    with socket.create_connection((place.hostname or "", place.port or 0), PATIENCE_SECONDS) as client:
        ends = "Content-Length: 4\r\nTransfer-Encoding: chunked"
        head = f"POST /api/v1/posts HTTP/1.1\r\nHost: {place.netloc}\r\n{ends}\r\n"
        client.sendall(f"{head}\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
        answer = b""
        while piece := client.recv(65536):
            answer += piece
    assert (True, 1) == (answer.startswith(b"HTTP/1.1 400"), answer.count(b"HTTP/1.1 "))


def test_an_address_with_a_zero(server: Server) -> None:
    """No address holds the character that ends texts in C: databases refuse it."""
    assert [400, 400] == [server.request("GET", path).status_code for path in ("/posts/a%00b", "/history?text=%00")]


def test_uploads_are_counted_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever begins uploads and never ends them fills their own share."""
    monkeypatch.setattr(uploads, "OPEN_UPLOADS_EACH", 3)
    kept = Uploads(tmp_path / "uploads")
    for _ in range(3):
        kept.begin(10, "a", "key 1", "key 1")
    with pytest.raises(TooManyRequests, match="of your uploads"):
        kept.begin(10, "a", "key 1", "key 1")
    assert "key 2" == kept.begin(10, "a", "key 2", "key 2").by


def test_challenges_are_counted_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever asks for a thousand challenges takes nobody else's away."""
    monkeypatch.setattr(passkeys, "CHALLENGES_MAX", 5)
    challenges = Challenges(FakeClock(NOON))
    modest = challenges.new(None, "192.0.2.1")
    greedy = [challenges.new(None, "192.0.2.2") for _ in range(20)]
    assert [True, False, True] == [challenges.use(one, None) for one in (modest, greedy[0], greedy[-1])]


def test_streams_are_counted_for_each(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever opens too many streams is refused another one, and others are not."""
    hub = hub_module.EventHub.__new__(hub_module.EventHub)
    hub._listeners, hub._stopping = set(), type("No", (), {"is_set": lambda self: False})()
    monkeypatch.setattr(hub_module, "LISTENERS_EACH", 2)
    for who, count in (("key 1", 2), ("key 2", 1)):
        for _ in range(count):
            hub.listen(None, _Asks(who))  # type: ignore[arg-type]
    with pytest.raises(TooManyRequests, match="of your clients"):
        hub.listen(None, _Asks("key 1"))  # type: ignore[arg-type]
    assert 3 == hub.listeners


class _Asks:
    """The rights of a caller, of which only the name counts here."""

    def __init__(self, who: str) -> None:
        self.who = self.share = who


def test_answers_are_compressed(everything: Api) -> None:
    """A large answer is compressed for whoever takes that, a stream of events never; their content is the same."""
    plain = everything.get("/posts", headers={"accept-encoding": "identity"})
    packed = everything.get("/posts", headers={"accept-encoding": "gzip"})
    assert ("gzip", plain.json()) == (packed.headers["content-encoding"], packed.json())
    assert 3 * int(packed.headers["content-length"]) < len(plain.content)
    with httpx.stream("GET", f"{everything.url}/api/v1/events", headers=everything.headers) as events:
        assert (200, None) == (events.status_code, events.headers.get("content-encoding"))
