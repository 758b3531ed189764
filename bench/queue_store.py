"""The store alone: importing, claiming, the size of a row, memory. No network."""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from bench.queue_data import (
    KEY,
    SMALL_ROWS,
    TEXT,
    YEAR,
    Filled,
    Ground,
    fake_dids,
    peak_memory_mib,
    percentile,
    tell,
    text_of,
)
from skywrite.__main__ import GARBAGE_OBJECTS
from skywrite.app import Skywrite
from skywrite.core.clock import SystemClock, to_iso
from skywrite.core.config import load_config
from skywrite.posting.publish.decide import Decider
from skywrite.protocol.atproto.session import Session
from skywrite.queue.model import Published
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.processes import ROOT

Table = tuple[list[str], list[list[str]]]
LEASE_SECONDS = 120.0
WARM_UP = 20


def import_part(ground: Ground, kinds: list[str], rows_checked: int) -> Table:
    """Posts a second into the database, and from raw rows through everything that `skywrite import` checks."""
    lines = []
    for kind in kinds:
        filled = ground.filled(kind)
        seconds = filled.batch_seconds
        rate = filled.rows / sum(seconds)
        tenth = max(1, len(seconds) // 10)
        growth = sum(seconds[-tenth:]) / sum(seconds[:tenth])
        lines.append(
            [kind, f"Store.add, {filled.rows:,} posts", f"{rate:,.0f}", f"{rate / 20_000:.2f}", f"{growth:.2f}"]
        )
        tell(f"{kind}: import_rows")
        sky = ground.sky(ground.environ(kind), [_fake_session(did) for did in fake_dids()[:10]])
        rows = list(_rows(sky, rows_checked))
        # As the command line does.
        gc.set_threshold(GARBAGE_OBJECTS)
        began = time.perf_counter()
        reports = sky.transfer.import_rows(rows)
        rate = rows_checked / (time.perf_counter() - began)
        assert all(report.id for report in reports)
        lines.append([kind, f"import_rows, {rows_checked:,} raw rows", f"{rate:,.0f}", f"{rate / 15_000:.2f}", ""])
    return ["store", "what", "posts a second", "of the budget", "last tenth / first tenth, time"], lines


def _fake_session(did: str) -> Session:
    return Session(did, f"{did[-6:]}.example.com", "http://127.0.0.1:1", "access.a.b", "refresh.a.b")


def _rows(sky: Skywrite, count: int) -> Iterator[dict[str, str]]:
    handles = [account.handle for account in sky.accounts.list()]
    start = datetime.now(UTC) + timedelta(days=1)
    for number in range(count):
        due_at = to_iso(start + timedelta(minutes=number))
        yield {"text": text_of(number), "card": "none", "at": due_at, "account": handles[number % len(handles)]}


def claim_part(ground: Ground, kinds: list[str], claims: int) -> Table:
    """Claiming and settling in a process of its own, in turn on a small and on the large database."""
    lines = []
    for kind in kinds:
        found = _claims(ground.filled(kind, SMALL_ROWS), ground.filled(kind), claims)
        growth = percentile(found.large["claim"], 0.5) / percentile(found.small["claim"], 0.5)
        lines.append([kind, f"{SMALL_ROWS:,}", *_told(found.small), ""])
        lines.append([kind, f"{ground.rows:,}", *_told(found.large), f"{growth:.2f}"])
    head = ["store", "rows", "claim p50", "claim p99", "settle p50", "settle p99", "claim p50 / with 1,000 rows"]
    return head, lines


def _told(seconds: dict[str, list[float]]) -> list[str]:
    verbs = ("claim", "settle")
    return [f"{percentile(seconds[verb], share) * 1000:.2f} ms" for verb in verbs for share in (0.5, 0.99)]


def memory_part(ground: Ground, kinds: list[str], claims: int) -> Table:
    """The most memory of a process that claims and settles."""
    lines = []
    for kind in kinds:
        memory = _claims(ground.filled(kind, SMALL_ROWS), ground.filled(kind), claims).memory
        lines.append([kind, f"{ground.rows:,}", f"{memory:.0f} MiB", f"{memory / 100:.2f}"])
    return ["store", "rows", "most memory", "of the budget of 100 MiB"], lines


def size_part(ground: Ground, kinds: list[str]) -> Table:
    """Bytes on the disk for each post, with indexes."""
    lines = []
    for kind in kinds:
        filled = ground.filled(kind)
        each = filled.size() / filled.rows
        lines.append([kind, f"{filled.rows:,}", f"{len(TEXT)}", f"{each:,.0f}", f"{each / 1024:.2f}"])
    return ["store", "rows", "characters of text", "bytes a row, with indexes", "of the budget of 1 KiB"], lines


class Measured(NamedTuple):
    """What the child process measured: seconds by verb on each database, and its most memory in MiB."""

    small: dict[str, list[float]]
    large: dict[str, list[float]]
    memory: float


_MEASURED: dict[str, Measured] = {}


def _claims(small: Filled, large: Filled, claims: int) -> Measured:
    """What the child process measures, once for each kind of store."""
    if large.kind not in _MEASURED:
        tell(f"{large.kind}: claiming")
        given = {
            "small": small.sky.context.config.database,
            "large": large.sky.context.config.database,
            "claims": claims,
        }
        home = {"SKYWRITE_HOME": str(small.sky.context.config.home), "SKYWRITE_KEY": KEY}
        done = subprocess.run(
            [sys.executable, "-m", "bench.queue_store"],
            input=json.dumps({**given, "environ": home}),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            cwd=ROOT,
        )
        _MEASURED[large.kind] = Measured(**json.loads(done.stdout))
    return _MEASURED[large.kind]


class NextYear(SystemClock):
    """A clock by which all posts are due."""

    def now(self) -> datetime:
        return super().now() + 2 * YEAR


def measure_claims() -> None:
    """The child: reads what to do, prints what it measured."""
    given = json.load(sys.stdin)
    clock = NextYear()
    decider = Decider()
    stores: dict[str, Store] = {}
    for name in ("small", "large"):
        config = load_config({**given["environ"], "SKYWRITE_DATABASE": given[name]})
        stores[name] = Skywrite(config=config, clock=clock).context.store
    seconds: dict[str, dict[str, list[float]]] = {name: {"claim": [], "settle": []} for name in stores}
    for number in range(-WARM_UP, given["claims"]):
        for name, store in stores.items():
            took = _claim_once(store, decider)
            if number >= 0:
                for verb, one in took.items():
                    seconds[name][verb].append(one)
    print(json.dumps({**seconds, "memory": peak_memory_mib()}))


def _claim_once(store: Store, decider: Decider) -> dict[str, float]:
    began = time.perf_counter()
    claim = claim_next(store, "bench", LEASE_SECONDS, decider)
    claimed = time.perf_counter()
    if claim is None:
        raise SystemExit("there was nothing to claim")
    uri = f"at://{claim.post.account_did}/app.bsky.feed.post/3l{claim.post.id:011d}"
    store.claims.settle(claim, Published(uri, "bafyreib2rxk3rh6kzwq"))
    return {"claim": claimed - began, "settle": time.perf_counter() - claimed}


if __name__ == "__main__":
    measure_claims()
