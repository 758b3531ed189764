"""A million accounts with two posts a day in one PostgreSQL: what claims cost, what idling costs, how fast it starts.

script/bench million --accounts 1000000 --seconds 90 --burst 5000; six to eight minutes on two cores.
The network is a stand-in (40 servers that answer after 100 ms). The posts of most accounts are due later; those of some
accounts are due at the average rate of all, and then those of others all at once.
"""

from __future__ import annotations

import argparse
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.request import urlopen

from bench.measure import machine, print_table
from bench.queue_data import Ground, RunningWorker, database_cpu_seconds, percentile, post_of, tell
from skywrite.app import Skywrite
from skywrite.core.config import DEFAULT_THREADS
from skywrite.protocol.atproto.session import Session
from tests.support.processes import python_child

POSTS_A_DAY = 2
SERVERS = 40
ANSWER_SECONDS = 0.1
IDLE_SECONDS = 30.0
LEAD_SECONDS = 8
PATIENCE_SECONDS = 120.0
BUDGET_BYTES = 1024
BUDGET_CLAIM_SECONDS = 0.005
FILL_ACCOUNTS = """
INSERT INTO account (did, handle, pds_url, ready_at, created_at)
SELECT 'did:plc:' || lpad(CAST(n AS text), 24, '0'), 'a' || n || '.example.com', 'http://127.0.0.1:1',
  now() + interval '1 day' + n * (interval '12 hours' / %(accounts)s), now()
FROM generate_series(%(first)s, %(accounts)s - 1) AS n
"""
FILL_POSTS = """
INSERT INTO post (account_did, state, due_at, created_at, updated_at, draft, text_hash, prepared, source, root_rkey)
SELECT 'did:plc:' || lpad(CAST(n AS text), 24, '0'), 'scheduled',
  now() + interval '1 day' + n * (interval '12 hours' / %(accounts)s) + turn * interval '12 hours', now(), now(),
  CAST(replace(%(draft)s, '0000000', lpad(CAST(n AS text), 7, '0')) AS json), n,
  CAST(replace(%(prepared)s, '0000000', lpad(CAST(n AS text), 7, '0')) AS json), 'import',
  '3' || translate(lpad(CAST(n * %(turns)s + turn AS text), 12, '0'), '0123456789', '234567abcd')
FROM generate_series(%(first)s, %(accounts)s - 1) AS n, generate_series(0, %(turns)s - 1) AS turn
"""
SIZE = "SELECT pg_total_relation_size('post') AS post, pg_total_relation_size('account') AS account"


class Run(NamedTuple):
    """What one run of the worker came to; times in seconds."""

    late: list[float]
    claims: list[float]
    cpu_seconds: float
    wall_seconds: float


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="script/bench million", description=__doc__)
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=int, default=90, help="how long posts come at the average rate")
    parser.add_argument("--burst", type=int, default=5_000, help="how many posts are due in the same second")
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS)
    chosen = parser.parse_args(arguments)
    rate = chosen.accounts * POSTS_A_DAY / 86_400
    print(f"On {machine()}. {chosen.accounts:,} accounts, {POSTS_A_DAY} posts a day each ({rate:.1f} a second).\n")
    with ExitStack() as stack:
        child = stack.enter_context(
            python_child(
                *("-m", "bench.scale_servers", str(SERVERS), str(ANSWER_SECONDS), "0", "0"), environ=dict(os.environ)
            )
        )
        urls = json.loads(child.wait_for_line("http"))
        ground = Ground(stack, 0, None)
        sky = ground.sky(ground.environ("postgres"))
        steady = max(1, round(rate * chosen.seconds))
        live = _sessions(urls, steady + chosen.burst)
        _fill(sky, live, chosen.accounts)
        each = _print_size(sky, chosen.accounts)
        _print_idle(sky, chosen.threads)
        runs = [
            (f"{steady:,} posts at {rate:.1f} a second", live[:steady], 1 / rate),
            (f"{chosen.burst:,} posts in the same second", live[steady:], 0.0),
        ]
        done = [(name, _run(sky, part, step, urls[0], chosen.threads)) for name, part, step in runs]
        _print_runs(done)
    p99 = percentile(done[0][1].claims, 0.99)
    print(
        f"\nA post takes {each / BUDGET_BYTES:.2f} of its {BUDGET_BYTES} bytes; at the average rate, a claim's p99 is"
    )
    print(f"{p99 / BUDGET_CLAIM_SECONDS:.2f} of its budget of 5 ms. Load {os.getloadavg()[0]:.1f} at the end.")


def _sessions(urls: list[str], count: int) -> list[Session]:
    return [
        Session(f"did:plc:{n:024d}", f"a{n}.example.com", urls[n % len(urls)], "access.a.b", "refresh.a.b")
        for n in range(count)
    ]


def _fill(sky: Skywrite, live: list[Session], accounts: int) -> None:
    """The accounts that will publish sign in; the others, and their posts, are made by the server itself."""
    for session in live:
        sky.context.store.accounts.sign_in(session)
    post = post_of(0, "", datetime.now(UTC))
    values = {
        "first": len(live),
        "accounts": accounts,
        "turns": POSTS_A_DAY,
        "draft": json.dumps(post.draft),
        "prepared": json.dumps(post.prepared),
    }
    for name, query in (("accounts", FILL_ACCOUNTS), ("posts", FILL_POSTS)):
        began = time.perf_counter()
        _execute(sky, query, values)
        tell(f"{name}: filled in {time.perf_counter() - began:.0f} s")
    # Otherwise the server would begin with it by itself, in the middle of what is measured.
    _execute(sky, "VACUUM ANALYZE", None)
    tell("vacuumed")


def _execute(sky: Skywrite, query: str, values: dict[str, object] | None) -> Any:
    connection: Any = sky.context.store.database.connect()
    try:
        connection.execute("SET statement_timeout = 0")
        return connection.execute(query, values)
    finally:
        connection.close()


def _print_size(sky: Skywrite, accounts: int) -> float:
    """Print the sizes of the tables. Returns the bytes of a post, with its indexes."""
    with sky.context.store.reading() as tx:
        row = tx.select(SIZE.encode(), {})[0]
    posts = accounts * POSTS_A_DAY
    print_table(
        ["table", "rows", "bytes a row, with indexes", "in all"],
        [
            ["post", f"{posts:,}", f"{row['post'] / posts:.0f}", f"{row['post'] / 2**30:.2f} GiB"],
            ["account", f"{accounts:,}", f"{row['account'] / accounts:.0f}", f"{row['account'] / 2**30:.2f} GiB"],
        ],
    )
    return float(row["post"] / posts)


def _print_idle(sky: Skywrite, threads: int) -> None:
    """A worker of its own that has nothing to do: how fast it starts, and what waiting costs it and the database."""
    began = time.perf_counter()
    with RunningWorker(sky, threads) as worker:
        start = time.perf_counter() - began
        time.sleep(5)
        own, all_servers = worker.cpu_seconds(), database_cpu_seconds(sky)
        time.sleep(IDLE_SECONDS)
        own, all_servers = worker.cpu_seconds() - own, database_cpu_seconds(sky) - all_servers
        memory = worker.memory_mib()
    print()
    print_table(
        ["started within", "idle: of a core, worker", "database", "most memory"],
        [[f"{start:.2f} s", f"{own / IDLE_SECONDS:.2%}", f"{all_servers / IDLE_SECONDS:.2%}", f"{memory:.0f} MiB"]],
    )


@contextmanager
def _timed_claims(sky: Skywrite) -> Iterator[list[float]]:
    """How long each claim took that found something."""
    claiming: Any = sky.context.store.claims
    times: list[float] = []
    claim_some: Callable[..., Any] = claiming.claim_some

    def timed(*args: Any, **kwargs: Any) -> Any:
        began = time.perf_counter()
        claims = claim_some(*args, **kwargs)
        if claims:
            times.append(time.perf_counter() - began)
        return claims

    claiming.claim_some = timed
    try:
        yield times
    finally:
        del claiming.claim_some


def _run(sky: Skywrite, sessions: list[Session], step_seconds: float, log_url: str, threads: int) -> Run:
    """Posts of these accounts, due one by one or all at once, through a worker of this process."""
    first = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=LEAD_SECONDS + len(sessions) // 2000)
    due = {one.did: first + timedelta(seconds=step_seconds * n) for n, one in enumerate(sessions)}
    sky.context.store.posts.add([post_of(n, one.did, due[one.did]) for n, one in enumerate(sessions)])
    worker = sky.worker(threads=threads)
    with _timed_claims(sky) as claims:
        thread = threading.Thread(target=worker.run)
        thread.start()
        time.sleep(max(0.0, first.timestamp() - time.time()))
        cpu, began = time.process_time(), time.perf_counter()
        try:
            ends = time.monotonic() + step_seconds * len(sessions) + PATIENCE_SECONDS
            while worker.tally.published < len(sessions):
                if time.monotonic() > ends:
                    raise SystemExit(f"only {worker.tally.published} of {len(sessions)} posts went out")
                time.sleep(0.25)
            cpu, wall = time.process_time() - cpu, time.perf_counter() - began
        finally:
            worker.stop()
            thread.join()
    with urlopen(f"{log_url}/log") as answer:
        log = json.loads(answer.read())
    late = [at - due[did].timestamp() for did, at in log if did in due]
    return Run(late, claims, cpu, wall)


def _print_runs(runs: list[tuple[str, Run]]) -> None:
    rows = []
    for name, run in runs:
        late, claims, posts = run.late, [seconds * 1000 for seconds in run.claims], len(run.late)
        rows.append(
            [
                name,
                f"{percentile(late, 0.5):.2f} s",
                f"{percentile(late, 0.99):.2f} s",
                f"{posts / len(claims):.1f}",
                f"{percentile(claims, 0.5):.1f} ms",
                f"{percentile(claims, 0.99):.1f} ms",
                f"{sum(claims) / posts:.2f} ms",
                f"{posts / run.wall_seconds:.0f}",
                f"{run.cpu_seconds / posts * 1000:.2f} ms",
            ]
        )
    head = ["what", "late p50", "p99", "posts a claim", "claim p50", "p99", "claiming, a post", "posts a second"]
    print()
    print_table([*head, "own processor time a post"], rows)
