"""A proxy on loopback that stands in front of a PDS and breaks requests on demand.

    with FaultProxy(pds.url, pds.plc_url) as proxy:
        proxy.break_next(EXECUTE_AND_TIME_OUT, "com.atproto.repo.applyWrites")
        ...                                     # a client that uses proxy.url (and proxy.url as its PLC directory)
        assert proxy.count("com.atproto.repo.applyWrites") == 2

What lives here: forwarding and breaking. The proxy knows no method of AT Protocol; it only replaces the server's
address by its own in JSON answers, because a client asks the address that a DID document gives.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal, Self, cast
from urllib.parse import urlsplit

from tests.support.processes import PATIENCE_SECONDS, free_port

HOP_HEADERS = {"connection", "keep-alive", "transfer-encoding", "content-length", "accept-encoding", "host", "upgrade"}
HTML = b"<html><head><title>Bad gateway</title></head><body>nginx</body></html>"


@dataclass(frozen=True)
class Answer:
    """What a client is told: `headers` without length and connection, which the proxy adds."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True)
class Fault:
    """What goes wrong with one request.

    `forward`: the server carries the request out first. Then `manner`: the answer (the server's, or `answer` where one
    is given) is sent whole, cut in the middle, a byte each `delay_seconds`, or the connection is reset, or nothing
    ever comes. `hold` keeps the request until the event is set: after forwarding, or before where there is none.
    """

    forward: bool
    manner: Literal["whole", "cut", "slow", "reset", "silence"] = "whole"
    answer: Answer | None = None
    delay_seconds: float = 0.0
    hold: threading.Event | None = None


NO_FAULT = Fault(forward=True)
RESET_BEFORE = Fault(forward=False, manner="reset")
RESET_AFTER = Fault(forward=True, manner="reset")
NEVER_ARRIVES = Fault(forward=False, manner="silence")
EXECUTE_AND_TIME_OUT = Fault(forward=True, manner="silence")
TRUNCATED = Fault(forward=True, manner="cut")
GARBAGE = Fault(forward=True, answer=Answer(200, (("Content-Type", "application/json"),), b'\x00\xff{"uri":"at:'))


def slow(delay_seconds: float) -> Fault:
    """Carried out, and answered a byte at a time."""
    return Fault(forward=True, manner="slow", delay_seconds=delay_seconds)


def failing(status: int, *, forward: bool = False, error: str = "", html: bool = False) -> Fault:
    """Answered with an error status, after being carried out where `forward` is set."""
    if html:
        return Fault(forward, answer=Answer(status, (("Content-Type", "text/html"),), HTML))
    body = json.dumps({"error": error or "InternalServerError", "message": "broken on purpose"}).encode()
    return Fault(forward, answer=Answer(status, (("Content-Type", "application/json"),), body))


def rate_limited(retry_after_seconds: int) -> Fault:
    """Turned away with 429 and a Retry-After header."""
    refusal = failing(429, error="RateLimitExceeded")
    assert refusal.answer is not None
    headers = (*refusal.answer.headers, ("Retry-After", str(retry_after_seconds)))
    return replace(refusal, answer=replace(refusal.answer, headers=headers))


def held(event: threading.Event, *, forward: bool = True) -> Fault:
    """Carried out at once and answered when the event is set; with `forward=False` it also goes on only then."""
    return Fault(forward, hold=event)


@dataclass(frozen=True)
class Exchange:
    """One request: `name` is the XRPC method (or the path); `status` is the server's, None when it was not asked."""

    method: str
    name: str
    fault: Fault
    status: int | None = None


@dataclass
class _Rule:
    fault: Fault
    name: str
    remaining: int


class FaultProxy:
    """The proxy. It serves the PDS, and the PLC directory too where one is given, at the one address `url`."""

    def __init__(self, url: str, plc_url: str = "") -> None:
        self._upstream = urlsplit(url).netloc
        self._plc = urlsplit(plc_url).netloc
        self._news = threading.Condition()
        self._rules: list[_Rule] = []
        self.exchanges: list[Exchange] = []
        self.decide: Callable[[str, str], Fault | None] = lambda method, name: None
        self._port = free_port()
        self._open()
        self.url = f"http://localhost:{self._port}"

    def break_next(self, fault: Fault, name: str = "", *, times: int = 1) -> None:
        """Break the next requests whose method name holds `name`. Older rules come first, `decide` comes last."""
        with self._news:
            self._rules.append(_Rule(fault, name, times))

    def count(self, name: str = "", *, forwarded: bool | None = None) -> int:
        """How many requests whose name holds `name` came; with `forwarded`, only those the server saw (or did not)."""
        with self._news:
            return sum(name in e.name and forwarded in (None, e.status is not None) for e in self.exchanges)

    def wait_for(self, name: str, *, times: int = 1, timeout_seconds: float = PATIENCE_SECONDS) -> None:
        """Wait until so many requests came, and the server carried out those that were to be forwarded."""
        with self._news:
            came = self._news.wait_for(lambda: sum(name in e.name for e in self.exchanges) >= times, timeout_seconds)
        assert came, f"{name} was to be asked {times} times in {timeout_seconds} s. Asked: {self.exchanges}"

    @contextlib.contextmanager
    def refusing(self) -> Iterator[None]:
        """Connections are refused, and open ones broken, for the time of the block."""
        self._close()
        try:
            yield
        finally:
            self._open()

    def _open(self) -> None:
        self._server = _Server(("127.0.0.1", self._port), self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def _close(self) -> None:
        self._server.end()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._close()

    def fault_for(self, method: str, name: str) -> Fault:
        """What the script has for this request."""
        with self._news:
            for rule in self._rules:
                if rule.remaining and rule.name in name:
                    rule.remaining -= 1
                    return rule.fault
        return self.decide(method, name) or NO_FAULT

    def note(self, exchange: Exchange) -> None:
        """Write down what happened to a request."""
        with self._news:
            self.exchanges.append(exchange)
            self._news.notify_all()

    def forward(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        """Ask the server, on a connection of this request alone. Raises OSError and HTTPException when it is down."""
        upstream = self._plc if self._plc and path.startswith("/did:") else self._upstream
        connection = http.client.HTTPConnection(upstream, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            data = answer.read()
        finally:
            connection.close()
        kept = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in HOP_HEADERS)
        if "json" in answer.headers.get("Content-Type", ""):
            data = data.replace(f"http://{self._upstream}".encode(), self.url.encode())
        return Answer(answer.status, kept, data)


class _Server(ThreadingHTTPServer):
    daemon_threads = False

    def __init__(self, address: tuple[str, int], proxy: FaultProxy) -> None:
        self.proxy = proxy
        self.ended = threading.Event()
        self._open: set[socket.socket] = set()
        super().__init__(address, _Handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        self._open.add(cast(socket.socket, request))
        super().process_request(request, client_address)

    def shutdown_request(self, request: socket.socket | tuple[bytes, socket.socket]) -> None:
        self._open.discard(cast(socket.socket, request))
        self.close_request(request)  # without the polite FIN, so that a reset is one

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is no news."""

    def end(self) -> None:
        self.ended.set()
        self.shutdown()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: object) -> None:
        """The exchanges are the log."""

    def handle_any(self) -> None:
        proxy = self.server.proxy
        body = self._body()
        name = urlsplit(self.path).path.removeprefix("/xrpc/")
        fault = proxy.fault_for(self.command, name)
        if not fault.forward:
            proxy.note(Exchange(self.command, name, fault))
            self._hold(fault)
        if fault.forward or (fault.hold and not fault.answer):
            try:
                answer = proxy.forward(self.command, self.path, self._forwarded_headers(), body)
            except (OSError, http.client.HTTPException):
                proxy.note(Exchange(self.command, name, fault))
                return self._reset()
            if fault.forward:
                proxy.note(Exchange(self.command, name, fault, answer.status))
                self._hold(fault)
            return self._answer(fault, fault.answer or answer)
        return self._answer(fault, fault.answer or Answer(502, (), b""))

    do_GET = do_POST = do_PUT = do_HEAD = do_OPTIONS = do_DELETE = handle_any

    def _hold(self, fault: Fault) -> None:
        while fault.hold and not fault.hold.wait(0.05) and not self.server.ended.is_set():
            pass

    def _forwarded_headers(self) -> dict[str, str]:
        return {name: value for name, value in self.headers.items() if name.lower() not in HOP_HEADERS}

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _answer(self, fault: Fault, answer: Answer) -> None:
        if fault.manner == "reset":
            return self._reset()
        if fault.manner == "silence":
            return self._silence()
        self.send_response_only(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if fault.manner == "slow":
            for position in range(len(answer.body)):
                if self.server.ended.wait(fault.delay_seconds):
                    break
                self.wfile.write(answer.body[position : position + 1])
            return None
        if fault.manner == "cut":
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(answer.body[: len(answer.body) // 2] if fault.manner == "cut" else answer.body)
        return None

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True

    def _silence(self) -> None:
        self.close_connection = True
        while not self.server.ended.is_set():
            if select.select([self.connection], [], [], 0.05)[0]:
                return  # the client hung up: nobody speaks first here
