"""A loopback HTTP server for the sandbox: HTTP/1.1, keep-alive connections, chunked bodies.

What lives here: bytes to `Request`, `Response` to bytes, and dropped connections. What does not:
any response itself. It has no protection against attackers, so it listens on 127.0.0.1 only.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qsl, unquote, urlsplit

from skywrite.core.clock import Clock
from skywrite.core.digits import whole_number
from skywrite.core.http import Response
from skywrite.sandbox.repo_methods import WRITE_LIMIT_BYTES
from skywrite.sandbox.wire import ConnectionDropped, NoConnection, Request, XrpcFailure

LOOPBACK = "127.0.0.1"
_PIECE_BYTES = 65_536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class _TooLarge(Exception):
    """The body is larger than anything that the server could accept."""


class Served(Protocol):
    """What is served: a sandbox."""

    @property
    def clock(self) -> Clock:
        """The clock for the responses."""
        ...

    @property
    def blob_limit(self) -> int:
        """The largest file that the server accepts."""
        ...

    def handle(self, request: Request) -> Response:
        """The response to a request."""
        ...


class SandboxServer:
    """Serves one sandbox from its own threads."""

    def __init__(self, box: Served, port: int = 0) -> None:
        self._server = _Server(box, port)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Close the listener and every open connection."""
        self._server.shutdown()
        self._server.server_close()
        self._server.end_connections()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, box: Served, port: int) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.box = box
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore errors: it is normal that clients disconnect."""

    def end_connections(self) -> None:
        with self._open_lock:
            left = list(self._open)
        for connection in left:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: the sandbox runs inside tests and demos."""

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        box = self.server.box
        try:
            body = self._read_body(max(WRITE_LIMIT_BYTES, box.blob_limit) + 1)
        except _TooLarge:
            self._send(XrpcFailure(413, "request entity too large").answer())
            return
        except ValueError:
            self._refuse("invalid request body")
            return
        except OSError:
            self.close_connection = True
            return
        try:
            url = urlsplit(self.path)
        except ValueError:
            self._refuse("invalid request target")
            return
        query = tuple(parse_qsl(url.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        request = Request(self.command, unquote(url.path), query, headers, body, self.client_address[0])
        try:
            self._send(box.handle(request))
        except NoConnection:
            self._reset()
        except ConnectionDropped as dropped:
            self._drop(dropped.partial)

    def _refuse(self, why: str) -> None:
        """Say that it is no HTTP, and end the connection: nobody knows where the next request would begin."""
        self.close_connection = True
        self._send(XrpcFailure(400, why).answer())

    def _send(self, answer: Response, announced_bytes: int | None = None) -> None:
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}"]
        lines += [f"{name}: {value}" for name, value in answer.headers.items()]
        lines.append(f"date: {self.date_time_string(self.server.box.clock.now().timestamp())}")
        lines.append(f"content-length: {len(answer.body) if announced_bytes is None else announced_bytes}")
        if self.close_connection:
            lines.append("connection: close")
        head = "\r\n".join(lines) + "\r\n\r\n"
        self.wfile.write(head.encode("latin-1") + answer.body)

    def _drop(self, partial: bytes) -> None:
        self.close_connection = True
        if partial:
            self._send(Response(200, {"content-type": "application/json"}, partial), len(partial) * 2 + 1)
        else:
            self._reset()

    def _reset(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)

    def _read_body(self, limit_bytes: int) -> bytes | None:
        if "chunked" in self.headers.get("transfer-encoding", "").lower():
            return _joined(self._chunks(), limit_bytes)
        announced = self.headers.get("content-length")
        if announced is None:
            return None
        length = whole_number(announced)
        if length is None:
            raise ValueError("the length is no number")
        return _joined(self._pieces(length), limit_bytes)

    def _pieces(self, length: int) -> Iterator[bytes]:
        while length > 0:
            piece = self.rfile.read(min(length, _PIECE_BYTES))
            if not piece:
                raise ValueError("the body ended early")
            length -= len(piece)
            yield piece

    def _chunks(self) -> Iterator[bytes]:
        while length := int(self.rfile.readline(_PIECE_BYTES).split(b";")[0], 16):
            if length < 0:
                raise ValueError("the length is no number")
            yield from self._pieces(length)
            self.rfile.readline(_PIECE_BYTES)
        while self.rfile.readline(_PIECE_BYTES).strip():
            continue


def _joined(pieces: Iterator[bytes], limit_bytes: int) -> bytes:
    """The whole body. If it is too large, read it to its end anyway, so that the client receives the response."""
    kept: list[bytes] = []
    size = 0
    for piece in pieces:
        size += len(piece)
        if size <= limit_bytes:
            kept.append(piece)
    if size > limit_bytes:
        raise _TooLarge
    return b"".join(kept)
