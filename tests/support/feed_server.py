"""A web server of feeds and pages that tests write while it runs, with every evil that a server can do.

What lives here: serving what a test has put at a path, the requests it was sent, and answers that never end. What does
not: what feeds look like (the tests write them).
"""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PIECE = b"<!-- nothing to see here, move on -->" * 1800


@dataclass(frozen=True)
class Reply:
    """An answer; with `pieces` its body is streamed, without a length, until the client leaves."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: Callable[[], Iterator[bytes]] | None = None


@dataclass(frozen=True)
class Asked:
    """A request: its path and its headers, with lower-case names."""

    path: str
    headers: Mapping[str, str]


class FeedServer:
    """What is served, by path: bytes, a `Reply`, or a function of the request. What is not there is 404."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: dict[str, bytes | Reply | Callable[[Asked], Reply]] = {}
        self.asked: list[Asked] = []
        self.leaving = threading.Event()

    def reply(self, asked: Asked) -> Reply:
        """The answer to a request."""
        self.asked.append(asked)
        page = self.pages.get(asked.path, Reply(b"nothing here", 404))
        if isinstance(page, bytes):
            return Reply(page, headers={"content-type": "application/xml"})
        return page if isinstance(page, Reply) else page(asked)

    def endless(self) -> Reply:
        """A feed that never ends."""

        def pieces() -> Iterator[bytes]:
            yield b"<?xml version='1.0'?><rss version='2.0'><channel><title>Endless</title>"
            while True:
                yield PIECE

        return Reply(pieces=pieces)

    def slow(self) -> Reply:
        """A feed that comes one byte a second."""

        def pieces() -> Iterator[bytes]:
            while not self.leaving.wait(1):
                yield b"<"

        return Reply(pieces=pieces)


def gzip_bomb(megabytes: int) -> Reply:
    """So many megabytes of blanks in some kilobytes."""
    packed = gzip.compress(b"<?xml version='1.0'?><rss><channel>" + b" " * (megabytes << 20))
    return Reply(packed, headers={"content-encoding": "gzip", "content-type": "application/rss+xml"})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    feeds: FeedServer


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        names = {name.lower(): value for name, value in self.headers.items()}
        reply = self.server.feeds.reply(Asked(self.path, names))
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if reply.pieces is None:
            self.send_header("content-length", str(len(reply.body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        with suppress(OSError):
            if reply.pieces is None:
                self.wfile.write(reply.body)
                return
            for piece in reply.pieces():
                self.wfile.write(piece)


@contextmanager
def feed_server() -> Iterator[FeedServer]:
    """A running server on a free port of 127.0.0.1."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.feeds = FeedServer(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, name="feeds", daemon=True)
    thread.start()
    try:
        yield server.feeds
    finally:
        server.feeds.leaving.set()
        server.shutdown()
        server.server_close()
        thread.join()


def rss(*items: str, title: str = "Feed", head: str = "") -> bytes:
    """An RSS feed of items as XML."""
    return (
        f'<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>{title}</title>'
        f"<link>https://site.example/</link>{head}{''.join(items)}</channel></rss>"
    ).encode()


def item(name: str, **parts: str) -> str:
    """An item with a guid, a title and a link made from its name; each may be replaced, or left out with ""."""
    known = {"title": name, "guid": f"guid-{name}", "link": f"https://site.example/{name}", **parts}
    return f"<item>{''.join(f'<{tag}>{text}</{tag}>' for tag, text in known.items() if text)}</item>"
