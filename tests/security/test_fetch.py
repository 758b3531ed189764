"""Fetching from hostile servers: where requests really go, and that nothing they send is endless.

The servers are sockets on loopback, let through by `allow`. Names come from a resolver of the test.
"""

from __future__ import annotations

import gzip
import os
import re
import resource
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import NoAnswer, NotSent
from skywrite.core.http import MAX_ANSWER_BYTES, Http, Response
from skywrite.posting.publish.network import Network
from skywrite.protocol.fetch.fetch import Fetched, Fetcher, FetchFailed, FetchRejected
from skywrite.protocol.fetch.guard import AddressRefused, Guard, Target
from skywrite.protocol.fetch.web import CheckedTransport
from tests.support.chance import NIGHTLY
from tests.support.errors import known_as
from tests.support.processes import PATIENCE_SECONDS
from tests.support.world import NOON

PUBLIC = "93.184.216.34"
ALLOW = ("127.0.0.0/8",)
PORTS_TRIED = 20
# So many times ten thousand single bytes.
BATCHES = 100 if NIGHTLY else 20

Answer = bytes | Callable[[socket.socket], None]


class EvilServer:
    """Answers each path with raw bytes, or with a function that writes to the socket until the client leaves."""

    def __init__(self, answers: Mapping[str, Answer], address: str = "127.0.0.1", port: int = 0) -> None:
        self.requests: list[str] = []
        self.left = threading.Event()
        self._answers = answers
        self._socket = socket.create_server((address, port))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(client,), daemon=True).start()

    def _answer(self, client: socket.socket) -> None:
        try:
            self._serve_one(client)
        finally:
            self.left.set()

    def _serve_one(self, client: socket.socket) -> None:
        with client, suppress(OSError):
            client.settimeout(60)
            head = b""
            while b"\r\n\r\n" not in head and (piece := client.recv(65536)):
                head += piece
            if not head:
                return
            self.requests.append(head.decode("latin-1"))
            answer = self._answers[head.split(b" ")[1].decode()]
            if callable(answer):
                answer(client)
            else:
                client.sendall(answer)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65536):
                pass

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}{path}"

    def close(self) -> None:
        # A thread that waits in accept keeps a merely closed socket open.
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def ok(body: bytes = b"hello", *fields: str) -> bytes:
    return raw("200 OK", body, *fields)


def raw(status: str, body: bytes = b"", *fields: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", *fields, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return raw(status, b"", f"Location: {location}")


def forever(start: bytes, piece: bytes) -> Callable[[socket.socket], None]:
    def write(client: socket.socket) -> None:
        client.sendall(start)
        while True:
            client.sendall(piece)

    return write


@pytest.fixture
def serve() -> Iterator[Callable[..., EvilServer]]:
    """serve({path: answer}, address="127.0.0.1", port=0): a server that ends with the test."""
    servers: list[EvilServer] = []

    def start(answers: Mapping[str, Answer], address: str = "127.0.0.1", port: int = 0) -> EvilServer:
        servers.append(EvilServer(answers, address, port))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


@dataclass
class Wire:
    """Stands for the network: answers by address, and remembers which IP address was dialled for which host."""

    answers: dict[str, Response | Exception | Callable[[], Response]]
    dialled: list[tuple[str, str]] = field(default_factory=list)
    sent: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    timeouts: list[float | None] = field(default_factory=list)
    dead: Sequence[str] = ()

    def __call__(self, target: Target, address: str) -> Wire:
        self.dialled.append((target.host, address))
        return self

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: object = None,
        timeout_seconds: float | None = None,
        max_bytes: int = MAX_ANSWER_BYTES,
    ) -> Response:
        if self.dialled[-1][1] in self.dead:
            raise NotSent(f"Could not connect to {self.dialled[-1][1]}.")
        self.sent.append((url, dict(headers or {})))
        self.timeouts.append(timeout_seconds)
        answer = self.answers[url]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer


def moved(location: str, status: int = 302) -> Response:
    return Response(status, {"location": location}, b"")


def page(body: bytes = b"page") -> Response:
    return Response(200, {}, body)


def fetcher_on(
    wire: Wire, *, resolve: Callable[[str, int], Sequence[str]] | None = None, clock: object = None
) -> Fetcher:
    guard = Guard(resolve=resolve or (lambda host, port: [PUBLIC]))
    clock = clock or FakeClock(datetime(2026, 11, 24, tzinfo=UTC))
    return Fetcher(guard=guard, connect=wire, clock=clock)  # type: ignore[arg-type]


# Where requests go


def test_a_page_is_fetched_whole(serve: Callable[..., EvilServer]) -> None:
    """An allowed server answers with status, lower-case headers and body."""
    server = serve({"/a?b": ok(b"hello", "X-Name: value")})
    fetched = Fetcher(ALLOW).fetch(server.url("/a?b#part"))
    assert Fetched(server.url("/a?b"), 200, {"x-name": "value", "content-length": "5"}, b"hello") == fetched


def on_one_port(serve: Callable[..., EvilServer], *pages: Mapping[str, Any]) -> tuple[EvilServer, EvilServer]:
    """A server at 127.0.0.2 and one at 127.0.0.1, on a port that nothing else has at both."""
    for _ in range(PORTS_TRIED):
        first = serve(pages[0], "127.0.0.2")
        with suppress(OSError):
            return first, serve(pages[1], "127.0.0.1", first.port)
    raise AssertionError("No port is free at both addresses.")


def test_a_name_is_dialled_at_the_address_that_was_checked(serve: Callable[..., EvilServer]) -> None:
    """Rebinding: a resolver that answers with a good address first and loopback afterwards gains nothing."""
    good, bad = on_one_port(serve, {"/": ok(b"good")}, {"/": ok(b"bad")})
    answers = iter([["127.0.0.2"], ["127.0.0.1"], ["127.0.0.1"]])
    guard = Guard(["127.0.0.2"], resolve=lambda host, port: next(answers))
    fetched = Fetcher(guard=guard).fetch(good.url("/", "rebind.example"))
    assert (b"good", 1, []) == (fetched.body, len(good.requests), bad.requests)


def test_a_name_with_a_last_dot_is_pinned_too(serve: Callable[..., EvilServer]) -> None:
    """The pin has the name exactly as the client asks for it; otherwise the system would be asked again."""
    server = serve({"/": ok()})
    guard = Guard(ALLOW, resolve=lambda host, port: ["127.0.0.1"])
    assert b"hello" == Fetcher(guard=guard).fetch(server.url("/", "Rebind.EXAMPLE.")).body


def test_a_second_fetch_looks_the_name_up_again(serve: Callable[..., EvilServer]) -> None:
    """Kept clients do not keep an old judgement: the name is checked each time."""
    _, server = on_one_port(serve, {"/": ok()}, {"/": ok()})
    answers = iter([["127.0.0.2"], ["127.0.0.1"]])
    fetcher = Fetcher(guard=Guard(["127.0.0.2"], resolve=lambda host, port: next(answers)))
    fetcher.fetch(server.url("/", "rebind.example"))
    with pytest.raises(AddressRefused):
        fetcher.fetch(server.url("/", "rebind.example"))
    assert [] == server.requests


def test_a_proxy_of_the_environment_is_not_used(
    serve: Callable[..., EvilServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy would look the name up by itself, behind the guard's back."""
    server, proxy = serve({"/": ok()}), serve({})
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url())
    guard = Guard(ALLOW, resolve=lambda host, port: ["127.0.0.1"])
    Fetcher(guard=guard).fetch(server.url("/", "page.example"))
    Fetcher(ALLOW).fetch(server.url())
    assert (2, []) == (len(server.requests), proxy.requests)


def test_loopback_is_refused_without_a_connection(serve: Callable[..., EvilServer]) -> None:
    """Without an entry that lets it through, a local server never hears of us."""
    server = serve({"/": ok()})
    for host in ("127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "localhost", "１２７.０.０.１"):
        with pytest.raises(AddressRefused):
            Fetcher().fetch(server.url("/", host))
    assert [] == server.requests


def test_the_request_is_plain(serve: Callable[..., EvilServer]) -> None:
    """A request names us, and holds no cookie, no referer and no credentials, also after cookies were set."""
    cookie = raw("302 Found", b"", "Location: /b", "Set-Cookie: a=1; Path=/")
    server = serve({"/a": cookie, "/b": ok(b"", "Set-Cookie: c=2"), "/c": ok()})
    fetcher = Fetcher(ALLOW)
    fetcher.fetch(server.url("/a"))
    fetcher.fetch(server.url("/c"), accept="text/html")
    names = [{line.split(":")[0].lower() for line in text.strip().split("\r\n")[1:]} for text in server.requests]
    assert [{"accept", "accept-encoding", "connection", "host", "user-agent"}] * 3 == names
    assert "User-Agent: skywrite/" in server.requests[2] and "Accept: text/html\r\n" in server.requests[2]


def test_another_address_of_the_name_is_tried_when_one_is_dead() -> None:
    """A name with a dead IPv6 address and a living IPv4 address is fetched."""
    wire = Wire({"https://example.com/": page()}, dead=["2606:4700::1"])
    fetcher = fetcher_on(wire, resolve=lambda host, port: ["2606:4700::1", PUBLIC])
    assert b"page" == fetcher.fetch("https://example.com/").body
    assert [("example.com", "2606:4700::1"), ("example.com", PUBLIC)] == wire.dialled


def test_a_host_that_cannot_be_reached_is_a_temporary_failure() -> None:
    """Nothing listens: the sentence names the host, and trying again later may help."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    with pytest.raises(FetchFailed, match=f"Could not connect to 127.0.0.1:{port}"):
        Fetcher(ALLOW).fetch(f"http://127.0.0.1:{port}/")


def test_an_unknown_name_is_a_temporary_failure() -> None:
    """A name without address fails with a sentence, not with the resolver's exception."""

    def resolve(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(FetchFailed, match=r"No address was found for nowhere\.example"):
        fetcher_on(Wire({}), resolve=resolve).fetch("https://nowhere.example/")


# Redirects


def test_redirects_are_followed_and_relative_ones_understood(serve: Callable[..., EvilServer]) -> None:
    """The answer comes with the address of the last hop."""
    server = serve({"/a/b": redirect("../c", "307 Temporary Redirect"), "/c": redirect("?d"), "/c?d": ok()})
    assert server.url("/c?d") == Fetcher(ALLOW).fetch(server.url("/a/b")).url


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "//2130706433/",
        "http://localhost:8080/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[fd00:ec2::254]/",
        "http://100.100.100.200/",
        "http:\\\\127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://internal.example/",
        "file:///etc/passwd",
        "ftp://example.com/",
        "gopher://example.com:70/",
        "data:text/html,hello",
        "javascript:alert(1)",
        "http://example.com:22/",
        "http://user:secret@example.com/",
        "http://",
    ],
)
def test_redirects_to_closed_places_are_refused(location: str) -> None:
    """Each hop is judged like the first; what was refused is not dialled."""
    wire = Wire({"http://example.com/": moved(location)})
    fetcher = fetcher_on(wire, resolve=lambda host, port: ["10.0.0.1" if host == "internal.example" else PUBLIC])
    with pytest.raises(AddressRefused, match=r"example\.com redirects to an address that is refused"):
        fetcher.fetch("http://example.com/")
    assert [("example.com", PUBLIC)] == wire.dialled


def test_a_redirect_to_loopback_does_not_reach_it(serve: Callable[..., EvilServer]) -> None:
    """The same with real sockets: the inner server is not asked."""
    inner = serve({"/secret": ok()})
    outer = serve({"/": redirect(inner.url("/secret"))}, "127.0.0.2")
    with pytest.raises(AddressRefused):
        Fetcher(["127.0.0.2"]).fetch(outer.url("/", "127.0.0.2"))
    assert [] == inner.requests


def test_https_does_not_become_http() -> None:
    """What was asked for over TLS is not taken from an open connection."""
    wire = Wire({"https://example.com/": moved("http://example.com/")})
    with pytest.raises(AddressRefused, match="from https to http"):
        fetcher_on(wire).fetch("https://example.com/")
    assert 1 == len(wire.sent)


def test_http_may_become_https() -> None:
    """The usual first redirect of a site works."""
    wire = Wire({"http://example.com/": moved("https://example.com/", 301), "https://example.com/": page()})
    assert "https://example.com/" == fetcher_on(wire).fetch("http://example.com/").moved_to


def chain(hops: int) -> Wire:
    answers: dict[str, Response | Exception | Callable[[], Response]] = {
        f"http://example.com/{hop}": moved(f"/{hop + 1}") for hop in range(hops)
    }
    return Wire(answers | {f"http://example.com/{hops}": page()})


def test_ten_redirects_are_followed() -> None:
    """Ten hops are still a way."""
    assert "http://example.com/10" == fetcher_on(chain(10)).fetch("http://example.com/0").url


def test_eleven_redirects_are_too_many() -> None:
    """Eleven are none, and the target of the last is not asked."""
    wire = chain(11)
    with pytest.raises(FetchRejected, match="more than 10"):
        fetcher_on(wire).fetch("http://example.com/0")
    assert 11 == len(wire.sent)


def test_a_redirect_loop_ends(serve: Callable[..., EvilServer]) -> None:
    """A page that leads to itself is given up."""
    server = serve({"/": redirect("/")})
    with pytest.raises(FetchRejected, match="redirects more than"):
        Fetcher(ALLOW).fetch(server.url())
    assert 11 == len(server.requests)


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([], None),
        ([301], "/1"),
        ([308], "/1"),
        ([301, 308], "/2"),
        ([302], None),
        ([301, 302], "/1"),
        ([302, 301], None),
        ([301, 307, 301], "/1"),
        ([303], None),
    ],
)
def test_a_permanent_move_is_reported(statuses: list[int], expected: str | None) -> None:
    """The permanent redirects at the beginning of the way say where to ask from now on; those after others do not."""
    wire = Wire({f"http://example.com/{hop}": moved(f"/{hop + 1}", status) for hop, status in enumerate(statuses)})
    wire.answers[f"http://example.com/{len(statuses)}"] = page()
    fetched = fetcher_on(wire).fetch("http://example.com/0")
    assert (expected and f"http://example.com{expected}") == fetched.moved_to


def test_a_redirect_that_leads_nowhere_is_rejected(serve: Callable[..., EvilServer]) -> None:
    """A redirect without a readable address ends with a sentence."""
    server = serve({"/a": raw("302 Found"), "/b": "HTTP/1.1 302 Found\r\nLocation: /ü\r\n\r\n".encode()})
    for path in ("/a", "/b"):
        with pytest.raises(FetchRejected, match="redirects to an address that cannot be read"):
            Fetcher(ALLOW).fetch(server.url(path))


def test_conditions_go_along_and_other_headers_stay_at_home() -> None:
    """Another origin is told the condition, but no header that was meant for the first."""
    wire = Wire({"http://a.example/": moved("/2"), "http://a.example/2": moved("http://b.example/")})
    wire.answers["http://b.example/"] = page()
    fetcher_on(wire).fetch("http://a.example/", headers={"If-None-Match": '"x"', "X-Token": "secret"})
    seen = [headers.get("if-none-match", "") + headers.get("x-token", "") for _, headers in wire.sent]
    assert ['"x"secret', '"x"secret', '"x"'] == seen


# Statuses and conditions


def test_a_condition_that_holds_gives_304(serve: Callable[..., EvilServer]) -> None:
    """ETag and Last-Modified are sent back, and "not modified" is an answer."""
    server = serve({"/": raw("304 Not Modified", b"", 'ETag: "x"')})
    date = "Tue, 24 Nov 2026 12:00:00 GMT"
    fetched = Fetcher(ALLOW).fetch(server.url(), headers={"If-None-Match": '"x"', "If-Modified-Since": date})
    assert (304, '"x"', b"") == (fetched.status, fetched.headers["etag"], fetched.body)
    sent = server.requests[0].lower()
    assert 'if-none-match: "x"\r\n' in sent and f"if-modified-since: {date.lower()}\r\n" in sent


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("304 Not Modified", FetchRejected),
        ("401 Unauthorized", FetchRejected),
        ("403 Forbidden", FetchRejected),
        ("404 Not Found", FetchRejected),
        ("410 Gone", FetchRejected),
        ("408 Request Timeout", FetchFailed),
        ("429 Too Many Requests", FetchFailed),
        ("500 Internal Server Error", FetchFailed),
        ("503 Service Unavailable", FetchFailed),
        ("599 Strange", FetchFailed),
    ],
)
def test_a_refusal_is_temporary_or_final(serve: Callable[..., EvilServer], status: str, kind: type[Exception]) -> None:
    """An error status is never taken for the page; the error holds the whole answer, for Retry-After and the like."""
    server = serve({"/": raw(status, b"", "Retry-After: 120")})
    with pytest.raises((FetchFailed, FetchRejected)) as caught:
        Fetcher(ALLOW).fetch(server.url())
    error = caught.value
    assert error.answer is not None
    assert (kind, int(status[:3]), "120") == (known_as(error, kind), error.status, error.answer.headers["retry-after"])


# Bombs, and servers that never end


def test_a_body_is_cut_at_the_limit(serve: Callable[..., EvilServer]) -> None:
    """A body of exactly the limit is whole; one byte more is cut and said."""
    server = serve({"/a": ok(b"x" * 1000), "/b": ok(b"x" * 1001)})
    seen = [Fetcher(ALLOW).fetch(server.url(path), max_bytes=1000) for path in ("/a", "/b")]
    assert [(1000, False), (1000, True)] == [(len(fetched.body), fetched.truncated) for fetched in seen]


def test_an_endless_body_is_cut_at_the_limit(serve: Callable[..., EvilServer]) -> None:
    """A body without end stops at the limit, and the connection is closed."""
    server = serve({"/": forever(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65536)})
    fetched = Fetcher(ALLOW).fetch(server.url(), max_bytes=500_000)
    assert (500_000, True) == (len(fetched.body), fetched.truncated)
    assert server.left.wait(PATIENCE_SECONDS)


def gzip_bomb(megabytes: int) -> bytes:
    """After a full flush a block depends on nothing before it, so one can be repeated."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    block = packer.compress(bytes(1_000_000)) + packer.flush(zlib.Z_FULL_FLUSH)
    return b"\x1f\x8b\x08" + bytes(6) + b"\xff" + block * megabytes


def test_a_gzip_bomb_stops_at_the_limit_with_little_memory(serve: Callable[..., EvilServer]) -> None:
    """300 MB in 300 KB are unpacked no further than the limit."""
    bomb = gzip_bomb(300)
    server = serve({"/": ok(bomb, "Content-Encoding: gzip"), "/warm": ok()})
    fetcher = Fetcher(ALLOW)
    fetcher.fetch(server.url("/warm"))
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fetched = fetcher.fetch(server.url(), max_bytes=1_000_000)
    grown_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
    assert (1_000_000, True) == (len(fetched.body), fetched.truncated)
    assert grown_kib < 20_000


def test_a_bomb_in_a_bomb_is_unpacked_once(serve: Callable[..., EvilServer]) -> None:
    """What is inside stays packed: nobody unpacks twice."""
    inner = gzip.compress(bytes(1_000_000))
    server = serve({"/": ok(gzip.compress(inner), "Content-Encoding: gzip")})
    assert inner == Fetcher(ALLOW).fetch(server.url(), max_bytes=10_000).body


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(forever(b"HTTP/1.1 200 OK\r\n", b"X-Field: " + b"a" * 1000 + b"\r\n"), id="endless fields"),
        pytest.param(forever(b"HTTP/1.1 200 OK\r\nX: ", b"a" * 10_000), id="endless field"),
        pytest.param(forever(b"HTTP/1.1 ", b"2" * 10_000), id="endless status"),
        pytest.param(forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), id="endless interim answers"),
        pytest.param(
            forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"a" * 1000), id="endless extension"
        ),
        pytest.param(
            forever(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: a\r\n"), id="endless trailers"
        ),
        pytest.param(b"\x00\x01\x02garbage\r\n\r\n", id="garbage"),
        pytest.param(b"", id="nothing"),
        pytest.param(b"<html>HTTP/0.9</html>", id="no head"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", id="short body"),
        pytest.param(ok(b"no gzip", "Content-Encoding: gzip"), id="broken gzip"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", id="broken chunk"),
    ],
)
def test_broken_and_endless_answers_fail_with_a_sentence(serve: Callable[..., EvilServer], answer: Answer) -> None:
    """Nothing that a server writes makes a fetch endless, and each is the same kind of failure."""
    server = serve({"/": answer})
    with pytest.raises(FetchFailed, match=r"No usable response from 127\.0\.0\.1|did not respond in time"):
        Fetcher(ALLOW).fetch(server.url(), timeout_seconds=5)
    assert server.left.wait(PATIENCE_SECONDS)


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_slow_servers_end_with_the_deadline(serve: Callable[..., EvilServer], start: bytes) -> None:
    """A byte now and then keeps no fetch alive: in the head, in the body, or with nothing at all."""
    stop = threading.Event()

    def drip(client: socket.socket) -> None:
        client.sendall(start)
        while not stop.wait(0.02):
            if start:
                client.sendall(b"a")

    server = serve({"/": drip})
    # A computer that is busy for so long has not even connected by then.
    with pytest.raises(FetchFailed, match=r"did not respond in time|took too long|Could not connect"):
        Fetcher(ALLOW).fetch(server.url(), timeout_seconds=0.5)
    stop.set()


def test_all_hops_share_one_deadline() -> None:
    """Each hop has what the earlier ones left; when nothing is left, no more is asked."""
    clock = FakeClock(datetime(2026, 11, 24, tzinfo=UTC))

    def slow(hop: int) -> Callable[[], Response]:
        def answer() -> Response:
            clock.advance(4)
            return moved(f"/{hop + 1}")

        return answer

    wire = Wire({f"http://example.com/{hop}": slow(hop) for hop in range(11)})
    with pytest.raises(FetchFailed, match=r"example\.com took too long"):
        fetcher_on(wire, clock=clock).fetch("http://example.com/0", timeout_seconds=10)
    assert [10.0, 6.0, 2.0] == wire.timeouts


def test_no_answer_is_a_failure_of_its_own() -> None:
    """A broken connection is told in the words of the transport, and no other address is tried after it."""
    wire = Wire({"https://example.com/": NoAnswer("No usable response from example.com: reset.")})
    fetcher = fetcher_on(wire, resolve=lambda host, port: [PUBLIC, "8.8.8.8"])
    with pytest.raises(FetchFailed, match=re.escape("No usable response from example.com: reset.")):
        fetcher.fetch("https://example.com/")
    assert 1 == len(wire.dialled)


def test_single_bytes_cost_no_more_than_a_body(serve: Callable[..., EvilServer]) -> None:
    """What is sent in chunks of one byte takes some megabytes of memory, not a hundred times its length."""

    def write(client: socket.socket) -> None:
        client.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(BATCHES):
            client.sendall(b"1\r\na\r\n" * 10_000)
        client.sendall(b"0\r\n\r\n")

    server = serve({"/": write})
    tracemalloc.start()
    try:
        response = Http(timeout_seconds=PATIENCE_SECONDS).request("GET", server.url())
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (BATCHES * 10_000, True) == (len(response.body), peak < BATCHES * 80_000)


@pytest.fixture
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment names no proxy."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_proxy")
def test_servers_of_a_sign_in_are_checked(serve: Callable[..., EvilServer]) -> None:
    """A document that names a server inside our network reaches nothing; a server of this computer, which the user
    named, is asked."""
    inner = serve({"/": ok()})
    guard = Guard(resolve=lambda host, port: ["10.0.0.1"])
    wire = Wire({}, dialled=[("", "")])
    with pytest.raises(AddressRefused):
        CheckedTransport(wire, guard.check, wire).request("POST", "https://auth.example.com/token", body=b"secret")
    assert [] == wire.sent
    assert b"hello" == CheckedTransport(Http(), guard.check, wire).request("GET", inner.url()).body


@pytest.mark.usefixtures("no_proxy")
@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_sign_in_connects_to_the_address_that_was_checked(scheme: str) -> None:
    """A name that means a public address when it is checked, and this computer a moment later, leads to the former."""
    answers = iter([[PUBLIC, "8.8.8.8"], ["127.0.0.1"], ["127.0.0.1"]])
    guard = Guard(resolve=lambda host, port: next(answers))
    url = f"{scheme}://auth.example.com/token"
    wire, inner = Wire({url: page()}, dead=[PUBLIC]), Wire({}, dialled=[("", "")])
    assert b"page" == CheckedTransport(inner, guard.check, wire).request("POST", url, body=b"code").body
    assert ([("auth.example.com", PUBLIC), ("auth.example.com", "8.8.8.8")], []) == (wire.dialled, inner.sent)


@pytest.mark.usefixtures("no_proxy")
def test_the_network_pins_the_servers_of_a_sign_in(serve: Callable[..., EvilServer]) -> None:
    """The name is in the request, and only the guard has resolved it: no resolver of this computer knows it."""
    server = serve({"/": ok()})
    fetcher = Fetcher(guard=Guard(["rebound.example"], resolve=lambda host, port: ["127.0.0.1"]))
    with closing(Http()) as http, closing(fetcher):
        network = Network(load_config({}), http, FakeClock(NOON))
        network._fetcher = fetcher
        assert 200 == network.checked_transport().request("GET", f"http://rebound.example:{server.port}/").status
    assert f"host: rebound.example:{server.port}" in server.requests[0].lower()


@pytest.mark.usefixtures("no_proxy")
def test_a_name_without_an_address_is_asked_of_nobody_but_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second look-up might find an address that nobody has checked; a proxy looks up for itself."""
    url = "https://elsewhere.example.com/"
    inner = Wire({url: page()}, dialled=[("", "")])
    checked = CheckedTransport(inner, Guard(resolve=lambda host, port: []).check, inner)
    with pytest.raises(NotSent):
        checked.request("GET", url)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:3128")
    assert b"page" == checked.request("GET", url).body
    monkeypatch.setenv("NO_PROXY", "example.com")
    with pytest.raises(NotSent):
        checked.request("GET", url)
