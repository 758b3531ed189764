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
from pathlib import Path
from urllib.parse import urlsplit

from bench.measure import machine, print_table
from tests.support.processes import Child, free_port, python_child
from tests.support.serving import COOKIE, Server, sign_in, start

CLIENTS = 4
IDLE_SECONDS = 20

BARE = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
body = open(sys.argv[2], "rb").read()
def answer(request):
    return Response(body, media_type="application/json")
app = Starlette(routes=[Route("/{path:path}", answer, methods=["GET", "POST"])])
print("ready", flush=True)
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False)
"""


@dataclass
class Load:
    """Requests of one kind: `times` are seconds, one for each."""

    times: list[float]
    seconds: float

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
    with Bare(port, page) as bare:
        listed = load(server.url, count, lambda number: ("GET", "/api/v1/posts", None), cookie)
        plain = load(bare, count, lambda number: ("GET", "/api/v1/posts", None), {})
        typed = load(server.url, count, keystroke, cookie)
        added = load(server.url, count // 4, new_post, cookie)
    print(f"{CLIENTS} clients, on {machine()}\n")
    kinds = {
        "GET /posts": listed,
        "the same bytes from bare Starlette": plain,
        "POST /posts/text (a keystroke)": typed,
        "POST /posts (durable)": added,
    }
    rows = [
        [name, f"{load.rate:.0f}", f"{load.quantile(0.5):.1f}", f"{load.quantile(0.95):.1f}"]
        for name, load in kinds.items()
    ]
    print_table(["what", "requests/s", "p50 ms", "p95 ms"], rows)
    print(f"\nfirst answer {1000 * first:.0f} ms, with a demo queue being filled")
    print(f"idle {idle[0]:.0f} MiB, {idle[1]:.2f} % of a core")


def keystroke(number: int) -> tuple[str, str, str]:
    """A text that grows by a character."""
    text = ("Good morning, [readers](https://example.com)! #news " * 6)[: number % 300 + 1]
    return "POST", "/api/v1/posts/text", json.dumps({"text": text})


def new_post(number: int) -> tuple[str, str, str]:
    """A post that is new."""
    key = f"{threading.get_ident()}-{number}-{time.time_ns()}"
    return "POST", "/api/v1/posts", json.dumps({"text": key, "key": key, "at": "2040-01-01T00:00:00Z"})


Ask = Callable[[int], tuple[str, str, str | None]]


def load(url: str, count: int, ask: Ask, headers: dict[str, str]) -> Load:
    """Send so many requests from each of some clients, and time each."""
    times: list[float] = []

    def client() -> None:
        place = urlsplit(url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port or 0, timeout=60)
        for number in range(count):
            method, path, body = ask(number)
            before = time.perf_counter()
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
            times.append(time.perf_counter() - before)
            assert answer.status < 300, answer.status
        connection.close()

    threads = [threading.Thread(target=client) for _ in range(CLIENTS)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return Load(times, time.perf_counter() - began)


class Bare:
    """A bare Starlette application that answers everything with the same bytes; its address."""

    def __init__(self, port: int, body: bytes) -> None:
        self._port, self._body = port, body

    def __enter__(self) -> str:
        handle, self._file = tempfile.mkstemp()
        os.close(handle)
        Path(self._file).write_bytes(self._body)
        self._child = python_child("-c", BARE, str(self._port), self._file)
        self._child.wait_for_line("ready")
        url = f"http://127.0.0.1:{self._port}"
        for _ in range(200):
            try:
                http.client.HTTPConnection("127.0.0.1", self._port).connect()
                return url
            except OSError:
                time.sleep(0.05)
        sys.exit("the bare server does not answer")

    def __exit__(self, *_: object) -> None:
        self._child.kill()
        Path(self._file).unlink()


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
