"""The worker: draining against a bare loop, idling, waking, being on time, and many workers on PostgreSQL."""

from __future__ import annotations

import http.client
import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from urllib.parse import urlsplit

from bench.queue_data import (
    ACCOUNTS,
    Ground,
    RunningWorker,
    environ_of,
    numbers,
    percentile,
    post_of,
    tell,
)
from bench.queue_store import Table
from skywrite.app import Skywrite
from skywrite.core.clock import SYSTEM_CLOCK, to_iso
from skywrite.protocol.atproto.session import Session
from skywrite.protocol.atproto.tid import TidClock
from tests.support.processes import python_child

DRAIN_ACCOUNTS_PER_CONNECTION = 2
APPLY_WRITES = "/xrpc/com.atproto.repo.applyWrites"
IDLE_SETTLE_SECONDS = 5.0
FAR_SECONDS = 0.05
PATIENCE_SECONDS = 600.0

_numbers = numbers()


def add_due(sky: Skywrite, sessions: list[Session], count: int, due_at: datetime) -> list[int]:
    """So many posts that are due at a moment, the accounts in turn."""
    posts = [post_of(next(_numbers), sessions[n % len(sessions)].did, due_at) for n in range(count)]
    return [result.id for result in sky.context.store.posts.add(posts)]


def drain_part(ground: Ground, kinds: list[str], posts: int, connections: int, rounds: int) -> Table:
    """Due posts to the reference PDS through a worker, and through a bare loop over kept-alive connections, in turn."""
    sessions = ground.sessions(connections * DRAIN_ACCOUNTS_PER_CONNECTION)
    # A worker leaves a quarter of its threads to other servers.
    threads = connections * 4 // 3
    lines = []
    for kind in kinds:
        sky = ground.sky(ground.environ(kind), sessions)
        turns = [
            partial(_drain, sky, sessions, posts, threads),
            partial(_bare_loop, ground.pds.url, sessions, posts, connections),
        ]
        # The PDS is slow until its code is compiled, and gets slower with each post: after a round that does not count,
        # each is first in turn.
        for turn in turns:
            turn()
        ours, bare = [], []
        for number in range(rounds):
            found = [turn() for turn in (turns if number % 2 else reversed(turns))]
            mine, other = found if number % 2 else reversed(found)
            ours.append(mine)
            bare.append(other)
            tell(f"{kind}: drain, round {number + 1}: {mine[0]:.0f} and {other[0]:.0f} posts a second")
        share = statistics.median(mine[0] / other[0] for mine, other in zip(ours, bare, strict=True))
        for name, own, ratio in ((f"worker on {kind}", ours, f"{share:.2f}"), ("bare loop", bare, "1")):
            rate, cpu = (statistics.median(column) for column in zip(*own, strict=True))
            lines.append([name, str(connections), f"{rate:.0f}", f"{cpu * 1000:.2f} ms", ratio])
    return ["what", "connections", "posts a second", "own processor time a post", "rate / bare loop"], lines


def _timed(posts: int, action: Callable[[], object]) -> tuple[float, float]:
    """Posts a second, and processor seconds of this process for each."""
    began, cpu = time.perf_counter(), time.process_time()
    action()
    return posts / (time.perf_counter() - began), (time.process_time() - cpu) / posts


def _drain(sky: Skywrite, sessions: list[Session], posts: int, threads: int) -> tuple[float, float]:
    add_due(sky, sessions, posts, SYSTEM_CLOCK.now())
    worker = sky.worker(threads=threads)
    measured = _timed(posts, worker.run_once)
    if worker.tally.published != posts:
        raise SystemExit(f"the worker published {worker.tally} of {posts} posts")
    return measured


def _bare_loop(url: str, sessions: list[Session], posts: int, connections: int) -> tuple[float, float]:
    """The least that can be done: requests prepared before, each thread with a connection and accounts of its own."""
    tids = TidClock(SYSTEM_CLOCK)
    shares: list[list[tuple[bytes, dict[str, str]]]] = [[] for _ in range(connections)]
    for place in range(posts):
        session = sessions[place % len(sessions)]
        shares[place % connections].append(_request(session, tids.next()))
    with ThreadPoolExecutor(connections) as pool:
        return _timed(posts, lambda: list(pool.map(lambda share: _send_all(url, share), shares)))


def _request(session: Session, rkey: str) -> tuple[bytes, dict[str, str]]:
    record = {**post_of(next(_numbers), session.did, SYSTEM_CLOCK.now()).prepared["records"][0]}
    record["createdAt"] = to_iso(SYSTEM_CLOCK.now())
    write = {
        "$type": "com.atproto.repo.applyWrites#create",
        "collection": "app.bsky.feed.post",
        "rkey": rkey,
        "value": record,
    }
    headers = {"authorization": f"Bearer {session.access_jwt}", "content-type": "application/json"}
    return json.dumps({"repo": session.did, "writes": [write]}).encode(), headers


def _send_all(url: str, requests: list[tuple[bytes, dict[str, str]]]) -> None:
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    try:
        for body, headers in requests:
            connection.request("POST", APPLY_WRITES, body, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise SystemExit(f"the PDS answered {answer.status}: {text[:200]!r}")
    finally:
        connection.close()


def idle_part(ground: Ground, kinds: list[str], seconds: float) -> Table:
    """`skywrite run` with nothing to do but to wait for a million posts that are due later."""
    lines = []
    for kind in kinds:
        filled = ground.filled(kind)
        with RunningWorker(filled.sky, 4) as worker:
            time.sleep(IDLE_SETTLE_SECONDS)
            tell(f"{kind}: idle for {seconds:.0f} s")
            before = worker.cpu_seconds()
            time.sleep(seconds)
            percent = 100 * (worker.cpu_seconds() - before) / seconds
            memory = worker.memory_mib()
        lines.append([kind, f"{filled.rows:,}", f"{percent:.2f} %", f"{percent / 0.5:.2f}", f"{memory:.0f} MiB"])
    return ["store", "rows", "of a core while idle", "of the budget of 0.5 %", "most memory"], lines


def wake_part(ground: Ground, kinds: list[str], posts: int) -> Table:
    """From the commit of a post that is due, in another process, to the worker's claim."""
    sessions = ground.sessions(4)
    lines = []
    for kind in kinds:
        sky = ground.sky(ground.environ(kind), sessions)
        tell(f"{kind}: waking")
        with RunningWorker(sky, 4) as worker:
            # The first one waits for the worker to be up.
            add_due(sky, sessions[:1], 1, SYSTEM_CLOCK.now())
            worker.wait_for("published", 1, PATIENCE_SECONDS)
            seen = []
            for number in range(1, posts + 1):
                time.sleep(0.4 + 0.037 * (number % 10))
                add_due(sky, sessions[number % 4 :][:1], 1, SYSTEM_CLOCK.now())
                stored = datetime.now(UTC)
                claimed = worker.wait_for("claimed", number + 1, PATIENCE_SECONDS)[-1]["time"]
                # The log has whole milliseconds, rounded down.
                seen.append(max(0.0, (datetime.fromisoformat(claimed) - stored).total_seconds() + 0.001))
            worker.wait_for("published", posts + 1, PATIENCE_SECONDS)
        lines.append([kind, *_milliseconds(seen), f"{max(seen) / 0.2:.2f}"])
    return ["store", "p50", "p99", "most", "most / budget of 200 ms"], lines


def _milliseconds(seconds: list[float]) -> list[str]:
    return [f"{value * 1000:.0f} ms" for value in (percentile(seconds, 0.5), percentile(seconds, 0.99), max(seconds))]


def late_part(ground: Ground, kinds: list[str], single: int, burst: int, threads: list[int]) -> Table:
    """From the moment a post was due to when it was stored as accepted: one by one, and a thousand at once."""
    sessions = ground.sessions(ACCOUNTS)
    lines = []
    for kind in kinds:
        sky = ground.sky(ground.environ(kind), sessions)
        with RunningWorker(sky, threads[0]) as worker:
            # A first round opens sessions and connections.
            add_due(sky, sessions, ACCOUNTS, SYSTEM_CLOCK.now())
            worker.wait_for("published", ACCOUNTS, PATIENCE_SECONDS)
            tell(f"{kind}: lateness, {single} posts one by one")
            start = SYSTEM_CLOCK.now() + timedelta(seconds=2)
            ids = []
            for number in range(single):
                due_at = start + timedelta(seconds=0.4 * number + 0.013 * (number % 7))
                ids += add_due(sky, sessions[number % ACCOUNTS :][:1], 1, due_at)
            worker.wait_for("published", ACCOUNTS + single, PATIENCE_SECONDS)
            lines.append([kind, "one by one", str(single), str(threads[0]), *_milliseconds(_lateness(sky, ids)), ""])
        for count in threads:
            with RunningWorker(sky, count) as worker:
                add_due(sky, sessions, ACCOUNTS, SYSTEM_CLOCK.now())
                worker.wait_for("published", ACCOUNTS, PATIENCE_SECONDS)
                tell(f"{kind}: lateness, {burst} posts in one second with {count} threads")
                ids = add_due(sky, sessions, burst, SYSTEM_CLOCK.now() + timedelta(seconds=5))
                worker.wait_for("published", ACCOUNTS + burst, PATIENCE_SECONDS)
            late = _lateness(sky, ids)
            rate = f"{burst / max(late):.0f}"
            lines.append([kind, "in the same second", str(burst), str(count), *_milliseconds(late), rate])
    return ["store", "due", "posts", "threads", "late p50", "late p99", "most", "posts a second"], lines


def _lateness(sky: Skywrite, ids: list[int]) -> list[float]:
    late = []
    for post_id in ids:
        post = sky.context.store.posts.get(post_id)
        assert post.published_at is not None and post.due_at is not None
        late.append((post.published_at - post.due_at).total_seconds())
    return late


def workers_part(ground: Ground, posts: int, sizes: list[tuple[int, int]]) -> Table:
    """Workers that are processes of their own on one PostgreSQL database, with a PDS that is near and one far away.

    `sizes` are numbers of workers and of threads of each; the first one is what the others are compared with.
    """
    near = ground.sessions(ACCOUNTS)
    lines = []
    with python_child("-m", "bench.slow_pds", str(FAR_SECONDS)) as server:
        url = server.wait_for_line("http://")
        far = [Session(one.did, one.handle, url, one.access_jwt, one.refresh_jwt, one.received_at) for one in near]
        for name, sessions in (
            (f"a server that answers after {FAR_SECONDS * 1000:.0f} ms", far),
            ("reference PDS", near),
        ):
            rates = []
            for count, threads in sizes:
                tell(f"{count} workers with {threads} threads, {name}")
                sky = ground.sky(ground.environ("postgres"), sessions)
                rates.append(_drained_by(sky, sessions, posts * count * threads // sizes[0][1], threads, count))
                ratio = f"{rates[-1] / rates[0]:.2f}"
                most = f"{rates[-1] * FAR_SECONDS / (threads * count):.2f}" if sessions is far else ""
                lines.append([name, str(count), str(threads), f"{rates[-1]:.0f}", ratio, most])
    head = ["server", "workers", "threads each", "posts a second", "rate / one worker", "of what its delay allows"]
    return head, lines


def _drained_by(sky: Skywrite, sessions: list[Session], posts: int, threads: int, count: int) -> float:
    """Posts a second, from the first claim to the last result; all workers are up before the posts are due."""
    due_at = SYSTEM_CLOCK.now() + timedelta(seconds=4 + 2 * count)
    ids = add_due(sky, sessions, posts, due_at)
    command = ("-m", "skywrite", "run", "--log", "json", "--threads", str(threads))
    children = [python_child(*command, environ=environ_of(sky)) for _ in range(count)]
    try:
        ends = time.monotonic() + PATIENCE_SECONDS
        while (left := sky.context.store.listing.count()["scheduled"]) and time.monotonic() < ends:
            time.sleep(min(2.0, max(0.2, left / 1000)))
        while sky.context.store.listing.count()["published"] < posts and time.monotonic() < ends:
            time.sleep(0.1)
    finally:
        for child in children:
            child.stop()
    first = min(sky.context.store.posts.attempts(post_id)[0].started_at for post_id in ids[: len(sessions)])
    published = [sky.context.store.posts.get(post_id).published_at for post_id in ids]
    last = max(moment for moment in published if moment is not None)
    return posts / (last - first).total_seconds()
