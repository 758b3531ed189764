"""`skywrite serve`: first answer, memory and processor when idle, requests a second, and how long a keystroke takes.

The requests go through one kept-alive connection at a time, against a bare Starlette application that answers the same
bytes, in turn, in one run. The queue is the one of `--demo`.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from bench.measure import machine, print_table
from tests.support.processes import Child, free_port, python_child
from tests.support.serving import COOKIE, Server, sign_in, start

CLIENTS, MANY = 4, 32
IDLE_SECONDS = 20

BARE = """
import sqlite3, sys, threading, uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.routing import Route
body = open(sys.argv[2], "rb").read()
local = threading.local()
def database():
    if not hasattr(local, "database"):
        local.database = sqlite3.connect(sys.argv[2] + ".db", isolation_level=None, timeout=60)
        for pragma in ("journal_mode = WAL", "synchronous = FULL"):
            local.database.execute("PRAGMA " + pragma)
        local.database.execute("CREATE TABLE IF NOT EXISTS post (text text)")
    return local.database
def insert(body):
    database().execute("INSERT INTO post VALUES (?)", (body,))
async def answer(request):
    if request.method == "POST":
        await run_in_threadpool(insert, (await request.body()).decode())
    return Response(body, media_type="application/json")
app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
print("ready", flush=True)
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""


@dataclass
class Load:
    """Requests of one kind: `times` are seconds, one for each; `cpu` is the server's milliseconds for each."""

    times: list[float]
    seconds: float
    cpu: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return len(self.times) / self.seconds

    def quantile(self, part: float) -> float:
        """The time below which this part of the requests stays, in milliseconds."""
        return 1000 * sorted(self.times)[int(part * (len(self.times) - 1))]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="script/bench serve", description=__doc__)
    parser.add_argument("--requests", type=int, default=400, help="of each kind, for each client")
    parser.add_argument("--pages", action="store_true", help="how long each page takes on a large queue")
    parser.add_argument("--rows", type=int, default=1_000_000, help="posts in that queue")
    parser.add_argument("--frames", action="store_true", help="how smoothly a full month scrolls in a Chromium")
    chosen = parser.parse_args(arguments)
    if chosen.pages or chosen.frames:
        from bench.serve_pages import measure_frames, measure_pages

        if chosen.pages:
            measure_pages(chosen.rows)
        if chosen.frames:
            measure_frames()
        return
    began = time.perf_counter()
    server = start("--demo", environ={})
    with server.child:
        first = time.perf_counter() - began
        server.owner = sign_in(server)
        idle = idle_figures(server.child)
        report(server, chosen.requests, first, idle)


def report(server: Server, count: int, first: float, idle: tuple[float, float]) -> None:
    """Measure, and print the figures."""
    cookie = {"cookie": f"{COOKIE}={server.owner}", "content-type": "application/json"}
    page = server.as_owner().get("/posts").content
    port = free_port()
    few, kinds = count // 4, dict[str, Load]()
    with Bare(port, page) as bare:
        kinds["GET /posts"] = load(server, count, listing, cookie)
        kinds["the same bytes from bare Starlette"] = load(bare, count, listing, {})
        kinds["POST /posts/text (a keystroke)"] = load(server, count, keystroke, cookie)
        kinds["POST /posts (durable)"] = added = load(server, few, new_post, cookie)
        kinds["bare Starlette with one durable insert"] = plain = load(bare, few, new_post, {})
        kinds[f"POST /posts, {MANY} clients"] = many = load(server, few, new_post, cookie, MANY)
        kinds[f"the same, bare, {MANY} clients"] = bare_many = load(bare, few, new_post, {}, MANY)
    print(f"{CLIENTS} clients, on {machine()}\n")
    rows = [
        [name, f"{load.rate:.0f}", *(f"{load.quantile(part):.1f}" for part in (0.5, 0.95, 0.99)), f"{load.cpu:.2f}"]
        for name, load in kinds.items()
    ]
    print_table(["what", "requests/s", "p50 ms", "p95 ms", "p99 ms", "processor ms"], rows)
    processor, late = added.cpu / plain.cpu, many.quantile(0.99) / bare_many.quantile(0.99)
    print(f"\nPOST /posts / bare: processor time {processor:.1f}, p99 at {MANY} clients {late:.1f}; budgets 3 and 3")
    print(f"first answer {1000 * first:.0f} ms, with a demo queue being filled")
    print(f"idle {idle[0]:.0f} MiB, {idle[1]:.2f} % of a core")


def listing(number: int) -> tuple[str, str, None]:
    """The waiting posts."""
    return "GET", "/api/v1/posts", None


def keystroke(number: int) -> tuple[str, str, str]:
    """A text that grows by a character."""
    text = ("Good morning, [readers](https://example.com)! #news " * 6)[: number % 300 + 1]
    return "POST", "/api/v1/posts/text", json.dumps({"text": text})


def new_post(number: int) -> tuple[str, str, str]:
    """A post that is new."""
    key = f"{threading.get_ident()}-{number}-{time.time_ns()}"
    # As people plan: minutes apart, in the coming years.
    at = datetime.now(UTC) + timedelta(days=400, minutes=time.time_ns() // 1000 % 2_000_000)
    return "POST", "/api/v1/posts", json.dumps({"text": key, "key": key, "at": at.isoformat()})


Ask = Callable[[int], tuple[str, str, str | None]]


def load(server: Served, count: int, ask: Ask, headers: dict[str, str], clients: int = CLIENTS) -> Load:
    """Send requests, `count` for each of the usual clients, from `clients`, and time each."""
    times: list[float] = []
    url, each = server.url, max(1, count * CLIENTS // clients)

    def client() -> None:
        place = urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=60)
        for number in range(each):
            method, path, body = ask(number)
            before = time.perf_counter()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter() - before)
            assert answer.status < 300, answer.status
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(clients)]
    began, used = time.perf_counter(), ticks(server.child)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    seconds = time.perf_counter() - began
    return Load(times, seconds, 10 * (ticks(server.child) - used) / len(times))


class Served(Protocol):
    """A server in a child process."""

    @property
    def child(self) -> Child: ...

    @property
    def url(self) -> str: ...


class Bare:
    """A bare Starlette application that answers everything with the same bytes, after it stored what was posted."""

    def __init__(self, port: int, body: bytes) -> None:
        self._port, self._body = port, body

    def __enter__(self) -> Bare:
        handle, self._file = tempfile.mkstemp()
        os.close(handle)
        Path(self._file).write_bytes(self._body)
        self.child = python_child("-c", BARE, str(self._port), self._file)
        self.child.wait_for_line("ready")
        self.url = f"http://127.0.0.1:{self._port}"
        for _ in range(200):
            try:
                http.client.HTTPConnection("127.0.0.1", self._port).connect()
                return self
            except OSError:
                time.sleep(0.05)
        sys.exit("the bare server does not answer")

    def __exit__(self, *_: object) -> None:
        self.child.kill()
        for end in ("", ".db", ".db-wal", ".db-shm"):
            Path(self._file + end).unlink(missing_ok=True)


def idle_figures(child: Child) -> tuple[float, float]:
    """Resident memory in MiB, and the part of a core in percent, of a server that nobody asks."""
    status = Path(f"/proc/{child.pid}/status").read_text().splitlines()
    memory = next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))
    before = ticks(child)
    time.sleep(IDLE_SECONDS)
    return memory / 1024, (ticks(child) - before) / IDLE_SECONDS


def ticks(child: Child) -> int:
    """Hundredths of a second of processor time."""
    fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
