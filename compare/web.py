"""The web of a comparison: feeds, pages, a picture and a receiver of webhooks, the same for each recording.

What lives here: the server, in a child process of its own. What does not: who reads it.
"""

from __future__ import annotations

import io
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

from compare.stage import free_port

PAGE = """<!doctype html><html lang="en"><head><title>The weather station</title>
<link rel="alternate" type="application/rss+xml" title="News" href="/feed.xml">
<meta property="og:title" content="The station on the roof"><meta property="og:image" content="/card.png">
<meta property="og:description" content="Wind, rain and light."></head><body>Hello</body></html>"""
ITEM = """<item><title>News {0}</title><link>{1}/news/{0}</link><guid>news-{0}</guid><category>weather</category>
<description>What happened on day {0}.</description><pubDate>{2:02d} Mar 2026 06:00:00 GMT</pubDate></item>"""
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>{0}</title><link>{1}</link>
<description>All news</description>{2}</channel></rss>"""
OPML = """<?xml version="1.0"?><opml version="2.0"><head><title>Feeds</title></head><body>
<outline text="News" type="rss" xmlUrl="{0}/feed.xml"/><outline text="Other" type="rss" xmlUrl="{0}/other.xml"/>
</body></opml>"""


def picture(colour: str = "teal", width: int = 640, height: int = 320) -> bytes:
    """A small image."""
    from PIL import Image

    with io.BytesIO() as data:
        Image.new("RGB", (width, height), colour).save(data, "PNG")
        return data.getvalue()


def pages(url: str) -> dict[str, tuple[str, bytes]]:
    """What is there, by path."""
    items = "".join(ITEM.format(number, url, 10 + number) for number in range(1, 5))
    texts = {
        "/": ("text/html", PAGE),
        "/feed.xml": ("application/rss+xml", FEED.format("News", url, items)),
        "/other.xml": ("application/rss+xml", FEED.format("Other", url, items.replace("news-", "other-"))),
        "/broken.xml": ("application/rss+xml", "<rss><channel>"),
        "/feeds.opml": ("text/x-opml", OPML.format(url)),
    }
    contents = {path: (kind, text.encode()) for path, (kind, text) in texts.items()}
    contents |= {f"/news/{number}": ("text/html", PAGE.encode()) for number in range(1, 5)}
    return {**contents, "/card.png": ("image/png", picture())}


@contextmanager
def web(received: Path) -> Iterator[str]:
    """The address of the web, while the block runs; what is sent to it is kept in a file."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    served = pages(url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            kind, body = served.get(self.path, ("text/plain", b"nothing here"))
            self._answer(200 if self.path in served else 404, kind, body)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            with received.open("ab") as file:
                file.write(b"%s %s\n" % (self.path.encode(), body))
            self._answer(204, "text/plain", b"")

        def _answer(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-type", kind)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", port), Handler) as server:
        pid = os.fork()
        if pid == 0:
            try:
                server.serve_forever()
            finally:
                os._exit(0)
        try:
            yield url
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
