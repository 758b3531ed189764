"""The pages of `skywrite serve` on a large queue: how long each takes, and how smoothly a full month scrolls.

What does not live here: the API's figures (`serve`). Frames are counted by the page itself, in a Chromium without a
screen: what it draws is drawn by the processor, so a computer with a graphics card is faster.
"""

from __future__ import annotations

import http.client
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from urllib.parse import urlsplit

from bench.measure import machine, print_table
from bench.queue_data import YEAR, Filled, Ground, fake_dids, tell
from bench.serve import ticks
from tests.pages.conftest import ARGUMENTS, NAME
from tests.support.serving import COOKIE, Server, sign_in, start

PAGES = (
    "/?{}",
    "/?view=month&{}",
    "/?view=agenda&{}",
    "/history?{}",
    "/history?q=0000500&{}",
    "/compose?{}",
    "/status?{}",
)
ROUNDS = 60
YEAR_POSTS = 10_000
SEED_POSTS = 10_000
TIMES = ("id", "due_at", "attempt_at")
SCROLL_SECONDS = 4
# Scrolls down in steps that belong to frames, as a wheel or a finger does, and notes when each frame was drawn.
SCROLL = """seconds => new Promise(resolve => {
  let scrolled = 0;
  const times = [], began = performance.now();
  const place = document.scrollingElement;
  const step = now => {
    times.push(now);
    const before = place.scrollTop;
    place.scrollTop += 24;
    scrolled += place.scrollTop - before;
    if (place.scrollTop + innerHeight >= place.scrollHeight - 1) place.scrollTop = 0;
    if (now - began < seconds * 1000) requestAnimationFrame(step); else resolve([scrolled, times]);
  };
  requestAnimationFrame(step);
})"""


def measure_pages(rows: int) -> None:
    """Fill a queue with so many posts of a hundred accounts, and ask for each page in turn."""
    with ExitStack() as stack:
        environ = _filled(stack, rows, fake_dids())
        server = _served(stack, environ)
        account = f"account={fake_dids()[7][-6:]}.example.com&on={datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"
        times, work = {}, {}
        for page in PAGES:
            _ask(server, page.format(account))
            before = ticks(server.child)
            times[page] = [_ask(server, page.format(account)) for _ in range(ROUNDS)]
            work[page] = 10 * (ticks(server.child) - before) / ROUNDS
        print(f"{rows:,} posts of {len(fake_dids())} accounts, SQLite, one request at a time, on {machine()}\n")
        table = []
        for page, found in times.items():
            seconds = sorted(second for second, _ in found)
            p50, p95 = (f"{1000 * seconds[int(ROUNDS * part)]:.0f}" for part in (0.5, 0.95))
            table.append([page.format("…"), p50, p95, f"{work[page]:.0f}", f"{found[0][1] // 1000}"])
        print_table(["page", "p50 ms", "p95 ms", "processor ms", "kB"], table)


def measure_frames() -> None:
    """Scroll a month of an account that posts 10,000 times a year, and count frames."""
    from playwright.sync_api import sync_playwright

    with ExitStack() as stack:
        environ = _filled(stack, YEAR_POSTS, fake_dids()[:1])
        server = _served(stack, environ)
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.goto(server.sign_in_url.replace("127.0.0.1", NAME))
        rows = []
        on = f"{datetime.now(UTC) + timedelta(days=100):%Y-%m-%d}"
        for view in ("month", "agenda", "week"):
            page.goto(f"{server.url.replace('127.0.0.1', NAME)}/?view={view}&on={on}")
            posts = page.locator("[data-post], .post, article").count()
            scrolled, times = page.evaluate(SCROLL, SCROLL_SECONDS)
            gaps = sorted(after - before for before, after in pairwise(times))
            rate = 1000 * len(gaps) / sum(gaps)
            rows.append(
                [
                    view,
                    str(posts),
                    f"{scrolled:.0f}",
                    f"{rate:.0f}",
                    f"{gaps[int(len(gaps) * 0.95)]:.1f}",
                    f"{gaps[-1]:.1f}",
                ]
            )
        browser.close()
        print(f"{YEAR_POSTS:,} posts of one account in a year, on {machine()}\n")
        print_table(["view", "posts shown", "pixels scrolled", "frames/s", "p95 ms a frame", "longest ms"], rows)


def _filled(stack: ExitStack, rows: int, dids: Sequence[str]) -> dict[str, str]:
    """A queue in a new folder, for other processes: some posts as they are accepted, and copies of them between."""
    ground = Ground(stack, rows, None)
    environ = ground.environ("sqlite")
    first = min(rows, SEED_POSTS)
    Filled("sqlite", ground.sky(environ), first).fill(dids)
    tell(f"copying them to {rows:,} rows")
    with closing(sqlite3.connect(environ["SKYWRITE_DATABASE"])) as database, database:
        names = [row[1] for row in database.execute("PRAGMA table_info(post)") if row[1] not in TIMES]
        same = ", ".join(names)
        step = YEAR.total_seconds() / rows
        for copy in range(1, rows // first):
            later = f"strftime('%Y-%m-%dT%H:%M:%S.000000Z', due_at, '+{round(copy * step)} seconds')"
            values = f"SELECT {same}, {later}, {later} FROM post WHERE id <= {first}"
            database.execute(f"INSERT INTO post ({same}, due_at, attempt_at) {values}")
    return environ


def _served(stack: ExitStack, environ: dict[str, str]) -> Server:
    tell("starting the server")
    server = start("--no-worker", environ=environ)
    stack.enter_context(server.child)
    return server


def _ask(server: Server, path: str) -> tuple[float, int]:
    """Seconds and bytes of one page; the connection is new."""
    if not server.owner:
        server.owner = sign_in(server)
    place = urlsplit(server.url)
    began = time.perf_counter()
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=60)
    connection.request("GET", path, headers={"cookie": f"{COOKIE}={server.owner}"})
    answer = connection.getresponse()
    body = answer.read()
    seconds = time.perf_counter() - began
    connection.close()
    assert answer.status == 200, (path, answer.status)
    return seconds, len(body)
