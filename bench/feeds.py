"""Thousands of feeds in one process: looks a second against a bare loop of requests, and reading against feedparser.

script/bench feeds --feeds 2000 --threads 8
"""

from __future__ import annotations

import argparse
import io
import multiprocessing
import os
import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from bench.measure import machine, print_table

ITEMS = 20
MARKED = '"v%d"'


class Blog(BaseHTTPRequestHandler):
    """Feeds by number; `/set/N` makes every feed say N more items, `/tags/0` makes the server forget ETags."""

    protocol_version = "HTTP/1.1"
    more = 0
    tags = True

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silence."""

    def do_GET(self) -> None:
        kind, _, number = self.path.strip("/").partition("/")
        if kind == "set":
            type(self).more = int(number)
        if kind == "tags":
            type(self).tags = number == "1"
        tag = MARKED % self.more
        known = self.tags and self.headers.get("if-none-match") == tag
        body = b"" if known else feed_xml(number, ITEMS + self.more)
        self.send_response(304 if known else 200)
        if self.tags:
            self.send_header("etag", tag)
        self.send_header("content-length", str(len(body)))
        self.send_header("connection", "close")
        self.end_headers()
        self.close_connection = True
        self.wfile.write(body)


def feed_xml(name: str, count: int) -> bytes:
    """A feed of so many items, the latest first, as blogs have them."""
    items = "".join(
        f"<item><title>Post {number} of blog {name}</title><link>https://blog{name}.example/{number}</link>"
        f'<guid isPermaLink="false">blog{name}-{number}</guid>'
        f"<pubDate>Tue, 24 Nov 2026 10:{number % 60:02d}:00 GMT</pubDate>"
        f"<description>&lt;p&gt;{'Some words about it. ' * 20}&lt;/p&gt;</description></item>"
        for number in reversed(range(count))
    )
    return (
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>Blog {name}</title>{items}</channel></rss>'.encode()
    )


def serve(told: Connection) -> None:
    """Run the server in a process of its own, until its parent ends it."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Blog)
    told.send(server.server_port)
    server.serve_forever()


def side_by_side(jobs: Iterable[Callable[[], object]], threads: int) -> None:
    """Run jobs with so many threads."""
    waiting, lock = iter(jobs), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                job = next(waiting, None)
            if job is None:
                return
            job()

    pool = [threading.Thread(target=work) for _ in range(threads)]
    for thread in pool:
        thread.start()
    for thread in pool:
        thread.join()


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """Wall and processor seconds of this process."""
    began, used = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - began, time.process_time() - used


def measure(url: str, count: int, threads: int, database: str) -> list[tuple[str, float, float]]:
    """Every measurement: name, wall and processor seconds for all feeds."""
    from skywrite.app import Skywrite
    from skywrite.core.clock import FakeClock, SystemClock
    from skywrite.core.config import load_config
    from skywrite.features.feeds.task import FeedChecks, FeedTask
    from skywrite.protocol.fetch.fetch import Fetcher
    from skywrite.sandbox import Sandbox, SandboxTransport

    fetcher = Fetcher(("127.0.0.1",))
    conditional = {"if-none-match": MARKED % 0}

    def bare(**values: Any) -> None:
        side_by_side((lambda n=n: fetcher.fetch(f"{url}/feed/{n}", **values) for n in range(count)), threads)

    clock = FakeClock(SystemClock().now())
    results = [("bare requests, 200", *timed(bare)), ("bare requests, 304", *timed(lambda: bare(headers=conditional)))]
    with Skywrite(database, config=load_config(), transport=SandboxTransport(Sandbox()), clock=clock) as sky:
        account = sky.context._given_transport._box.account("bench.test")  # type: ignore[union-attr]
        sky.accounts.login(account.handle, account.app_password, pds="http://127.0.0.1:1")

        def add(number: int) -> None:
            sky.feeds.add(f"{url}/feed/{number}", images="none")

        def look() -> None:
            clock.advance(3 * 3600)
            task = FeedTask(FeedChecks(sky.context, sky._drafting))
            while turns := task.due():
                side_by_side((lambda turn=turn: task.take(turn) for turn in turns), threads)
            assert count == task.made and not any(check.problem for check in task.done), task.done[:1]

        results.append(
            ("add, first look", *timed(lambda: side_by_side((lambda n=n: add(n) for n in range(count)), threads)))
        )
        results.append(("look, 304", *timed(look)))
        fetcher.fetch(f"{url}/tags/0")
        results.append(("look, the same bytes", *timed(look)))
        fetcher.fetch(f"{url}/set/1")
        results.append(("look, one new item, queued", *timed(look)))
        queued = sky.context.store.listing.count()["scheduled"]
        assert count == queued, queued
    return results


def reading() -> list[tuple[str, str]]:
    """Reading one feed of 500 items, and a hostile one, against feedparser: seconds."""
    import feedparser

    from skywrite.features.feeds.reading.entry import FeedUnreadable
    from skywrite.features.feeds.reading.feed import read_feed
    from skywrite.protocol.fetch.fetch import Fetched

    good = feed_xml("x", 500)
    hostile = b"<rss><channel>" + b"<item/>" * 9_999 + b"</channel></rss>"

    def own(data: bytes) -> None:
        try:
            read_feed(Fetched("https://x.example/", 200, {}, data))
        except FeedUnreadable:
            return

    rows = []
    for name, data in (("500 items", good), ("9,999 empty items", hostile)):
        mine = min(timed(lambda data=data: own(data))[1] for _ in range(3))
        theirs = min(timed(lambda data=data: feedparser.parse(io.BytesIO(data)))[1] for _ in range(2))
        rows.append(
            (f"reading {name}", f"{mine * 1000:.0f} ms, feedparser {theirs * 1000:.0f} ms: ratio {mine / theirs:.2f}")
        )
    return rows


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="script/bench feeds")
    parser.add_argument("--feeds", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--database", help="a postgresql:// address; SQLite without it")
    options = parser.parse_args(arguments)
    here, there = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(there,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{here.recv()}"
    try:
        with tempfile.TemporaryDirectory() as folder:
            os.environ |= {"SKYWRITE_HOME": folder, "SKYWRITE_KEY": "A" * 43 + "=", "SKYWRITE_FETCH_ALLOW": "127.0.0.1"}
            database = options.database or str(Path(folder) / "feeds.db")
            results = measure(url, options.feeds, options.threads, database)
            size = Path(database).stat().st_size if not options.database else 0
    finally:
        server.terminate()
        server.join()
    print(f"{machine()}; {options.feeds} feeds of {ITEMS} items, {options.threads} threads\n")
    bare = results[1][1]
    print_table(
        ("what", "feeds a second", "processor ms a feed", "time to bare 304"),
        [
            (name, f"{options.feeds / wall:.0f}", f"{cpu / options.feeds * 1000:.2f}", f"{wall / bare:.2f}")
            for name, wall, cpu in results
        ],
    )
    print()
    for name, told in reading():
        print(f"{name}: {told}")
    if size:
        print(f"database: {size / options.feeds / (ITEMS + 1):.0f} bytes an item")
    print(f"most memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    print(f"every 30 minutes: {options.feeds / results[3][1] * 1800:.0f} feeds could be looked at by one process")
