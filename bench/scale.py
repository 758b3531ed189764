"""Many accounts at nine: one post each, due in the same second, on many servers, some of which hang.

script/bench scale --accounts 10000 --servers 40 --seconds 0.1 --hung 0.05 --store both; some four minutes on two cores.
With `--same`, the accounts that hang are on the servers of the others. One worker process; lateness is from the second
in which the posts are due until their server has carried them out.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections import defaultdict
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from urllib.request import urlopen

from bench.measure import machine, print_table
from bench.queue_data import Ground, RunningWorker, cpu_seconds, database_cpu_seconds, percentile, post_of, tell
from skywrite.app import Skywrite
from skywrite.core.config import DEFAULT_THREADS
from skywrite.protocol.atproto.session import Session
from tests.support.processes import python_child

BUDGET_SECONDS = 20.0
BUDGET_MIB = 200.0
HUNG_SERVERS = 2
START_SECONDS = 12
PATIENCE_SECONDS = 120.0
BATCH = 5000
PROCESSOR = ("processor time a post: worker", "PostgreSQL", "stand-ins")


class Scene(NamedTuple):
    """The accounts with their servers; `hung` are the DIDs of those whose server never answers."""

    sessions: list[Session]
    hung: frozenset[str]
    log_url: str
    servers_pid: int


class Processor(NamedTuple):
    """Processor seconds: of the worker, of the PostgreSQL server, and of the servers that stand in for the network."""

    worker: float
    database: float
    stand_ins: float

    def since(self, before: Processor) -> Processor:
        """What was used after `before`."""
        return Processor(*(now - then for now, then in zip(self, before, strict=True)))


class Outcome(NamedTuple):
    """What one run came to: seconds late by DID, and what it used."""

    late: dict[str, float]
    processor: Processor
    memory_mib: float


def main(arguments: list[str]) -> None:
    chosen = _options(arguments)
    print(f"On {machine()}. {chosen.accounts:,} accounts with a post each, {chosen.servers} servers that answer after")
    where = "hang on the same servers" if chosen.same else f"are on {HUNG_SERVERS} that hang"
    print(f"{chosen.seconds * 1000:.0f} ms, and {chosen.hung:.0%} of the accounts {where}.\n")
    rows, met = [], True
    with ExitStack() as stack:
        ground = Ground(stack, 0, None)
        for kind in chosen.kinds:
            every = _every(chosen.hung) if chosen.same else 0
            options = (chosen.servers, chosen.seconds, 0 if chosen.same else HUNG_SERVERS, every)
            command = ("-m", "bench.scale_servers", *map(str, options))
            with python_child(*command, environ=dict(os.environ)) as child:
                urls = json.loads(child.wait_for_line("http"))
                scene = _scene(urls, chosen, child.pid)
                outcome = _run(ground.sky(ground.environ(kind)), scene, chosen.threads, kind)
            rows.append(_row(kind, scene, outcome))
            met = met and percentile(list(outcome.late.values()), 0.99) <= BUDGET_SECONDS
            met = met and outcome.memory_mib <= BUDGET_MIB
    head = ["store", "healthy posts out", "late p50", "p99", "of the budget of 20 s", "slowest / quickest server, p50"]
    print_table([*head, "posts a second", *PROCESSOR, "most memory", "of 200 MiB"], rows)
    print(f"\nThe budget is {'met' if met else 'missed'}; load {os.getloadavg()[0]:.1f} at the end.")
    sys.exit(0 if met or not chosen.strict else 1)


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="script/bench scale", description=__doc__)
    parser.add_argument("--accounts", type=int, default=10_000)
    parser.add_argument("--servers", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=0.1, help="how long a server takes to answer")
    parser.add_argument("--hung", type=float, default=0.05, help="share of the accounts on servers that hang")
    parser.add_argument("--same", action="store_true", help="they are on the servers of the others instead")
    parser.add_argument("--threads", type=int, default=DEFAULT_THREADS)
    parser.add_argument("--store", choices=("sqlite", "postgres", "both"), default="both")
    parser.add_argument("--strict", action="store_true", help="end with 1 where the budget is missed")
    chosen = parser.parse_args(arguments)
    chosen.kinds = ["sqlite", "postgres"] if chosen.store == "both" else [chosen.store]
    return chosen


def _every(hung_share: float) -> int:
    return round(1 / hung_share) if hung_share else 0


def _scene(urls: list[str], chosen: argparse.Namespace, pid: int) -> Scene:
    healthy, hung = urls[: chosen.servers], urls[chosen.servers :]
    every = _every(chosen.hung) or chosen.accounts + 1
    sessions = []
    for number in range(chosen.accounts):
        silent = hung and number % every == 0
        url = hung[number // every % len(hung)] if silent else healthy[number % len(healthy)]
        sessions.append(Session(f"did:plc:{number:024d}", f"a{number}.example.com", url, "access.a.b", "refresh.a.b"))
    return Scene(sessions, frozenset(one.did for one in sessions[::every] if chosen.hung), healthy[0], pid)


def _run(sky: Skywrite, scene: Scene, threads: int, kind: str) -> Outcome:
    tell(f"{kind}: {len(scene.sessions):,} accounts")
    for session in scene.sessions:
        sky.context.store.accounts.sign_in(session)
    due_at = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    for first in range(0, len(scene.sessions), BATCH):
        part = scene.sessions[first : first + BATCH]
        sky.context.store.posts.add([post_of(first + number, one.did, due_at) for number, one in enumerate(part)])
    # Filling takes as long as it takes; then all of them are made due in the same second.
    due_at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=START_SECONDS)
    _make_due(sky, due_at)
    with RunningWorker(sky, threads) as worker:

        def used() -> Processor:
            return Processor(worker.cpu_seconds(), database_cpu_seconds(sky), cpu_seconds(scene.servers_pid))

        before = used()
        late = _watch(scene, due_at, kind)
        return Outcome(late, used().since(before), worker.memory_mib())


def _make_due(sky: Skywrite, due_at: datetime) -> None:
    store = sky.context.store
    with store.writing() as tx:
        for table, column in (("post", "due_at"), ("account", "ready_at")):
            tx.select(store.database.translate(f"UPDATE {table} SET {column} = :due RETURNING 1"), {"due": due_at})


def _watch(scene: Scene, due_at: datetime, kind: str) -> dict[str, float]:
    """Seconds late of each healthy account, when all of them are out."""
    wanted = len(scene.sessions) - len(scene.hung)
    ends = time.monotonic() + PATIENCE_SECONDS
    log: list[Any] = []
    while len(log) < wanted:
        if time.monotonic() > ends:
            raise SystemExit(f"{kind}: {len(log)} of {wanted} healthy posts went out in {PATIENCE_SECONDS:.0f} s")
        time.sleep(1)
        with urlopen(f"{scene.log_url}/log") as answer:
            log = json.loads(answer.read())
    if len({did for did, _ in log}) != len(log):
        raise SystemExit(f"{kind}: a post was written twice")
    if any(moment < due_at.timestamp() for _, moment in log):
        raise SystemExit(f"{kind}: a post was written before its time")
    return {did: moment - due_at.timestamp() for did, moment in log}


def _row(kind: str, scene: Scene, outcome: Outcome) -> list[str]:
    late = list(outcome.late.values())
    by_server: dict[str, list[float]] = defaultdict(list)
    for session in scene.sessions:
        if session.did in outcome.late:
            by_server[session.pds_url].append(outcome.late[session.did])
    middles = [percentile(values, 0.5) for values in by_server.values()]
    p99, memory = percentile(late, 0.99), outcome.memory_mib
    return [
        kind,
        f"{len(late):,}",
        f"{percentile(late, 0.5):.1f} s",
        f"{p99:.1f} s",
        f"{p99 / BUDGET_SECONDS:.2f}",
        f"{max(middles) / max(min(middles), 0.001):.2f}",
        f"{len(late) / max(late):.0f}",
        *(f"{seconds / len(late) * 1000:.2f} ms" for seconds in outcome.processor),
        f"{memory:.0f} MiB",
        f"{memory / BUDGET_MIB:.2f}",
    ]
