"""Bots: how long a mention waits for its answer, with one account and with many, and what a flood of mentions does to
posts that are due.

script/bench answers --mentions 20 --accounts 1000 --servers 20 --flood 5000; some seven minutes. One worker process;
the stand-ins for the network are in another.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple
from urllib.request import Request, urlopen

from bench.measure import machine, print_table
from bench.queue_data import Ground, RunningWorker, percentile, post_of, tell
from skywrite.app import Skywrite
from skywrite.protocol.atproto.session import Session
from tests.support.processes import python_child

PATIENCE_SECONDS = 420
QUIET_SECONDS = 60
POSTS_SECONDS = 60
THREADS = 96
# So many of many accounts are spoken to at once.
SHARE = 10
PROGRAM = """
from skywrite import Skywrite

sky = Skywrite()

@sky.on_mention
def answer(item):
    return f"Hello {item.author.name}"
"""


class Scene(NamedTuple):
    """Stand-ins for the network, a queue with accounts on them, and a worker with a bot for each."""

    url: str
    sky: Skywrite
    dids: list[str]
    worker: RunningWorker

    def say(self, dids: Sequence[str], count: int = 1, by: int = 1) -> None:
        """So many mentions of each of these accounts, by so many people."""
        body = json.dumps({"dids": dids, "count": count, "by": by}).encode()
        with urlopen(Request(f"{self.url}/tell", body)) as answer:
            answer.read()

    def log(self) -> dict[str, Any]:
        """What the stand-ins noted."""
        with urlopen(f"{self.url}/log") as answer:
            found: dict[str, Any] = json.loads(answer.read())
        return found

    def waits(self, before: int) -> list[float]:
        """How long each mention after so many waited, when all have been answered."""
        ends = time.monotonic() + PATIENCE_SECONDS
        while len((found := self.log())["answered"]) < len(found["listed"]):
            if time.monotonic() > ends:
                raise SystemExit(f"{len(found['answered'])} of {len(found['listed'])} mentions were answered")
            time.sleep(0.2)
        return [found["answered"][uri] - at for uri, at in list(found["listed"].items())[before:]]


def main(arguments: list[str]) -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(prog="script/bench answers", description=__doc__)
    parser.add_argument("--mentions", type=int, default=20)
    parser.add_argument("--accounts", type=int, default=1000)
    parser.add_argument("--servers", type=int, default=20)
    parser.add_argument("--flood", type=int, default=5000)
    given = parser.parse_args(arguments)
    print(machine())
    with ExitStack() as stack:
        ground = Ground(stack, 0, None)
        if given.mentions:
            talk(ground, given.mentions)
        if given.accounts:
            many(ground, given.accounts, given.servers)
        if given.flood:
            flood(ground, given.flood)


@contextmanager
def running(ground: Ground, accounts: int, servers: int, posts: int = 0) -> Iterator[Scene]:
    """Accounts whose bots have begun; the first one has a post due each second, from a time on."""
    with python_child("-m", "bench.answers_servers", str(servers), environ=dict(os.environ)) as child:
        urls = json.loads(child.wait_for_line("http"))
        sky = ground.sky(ground.environ("sqlite"))
        dids = [f"did:plc:{number:024d}" for number in range(accounts)]
        for number, did in enumerate(dids):
            access = f"access.{number:024d}.b"
            handle, url = f"a{number}.example.com", urls[number % servers]
            sky.context.store.accounts.sign_in(Session(did, handle, url, access, "refresh.a.b"))
            sky.accounts.set(did, {"answers": "on", "answers_per_person": 1000, "zone": "UTC"})
        program = ground.folder / "bot.py"
        program.write_text(PROGRAM)
        with RunningWorker(sky, THREADS, "--app", str(program)) as worker:
            worker.wait_for("answers_start", accounts, PATIENCE_SECONDS)
            yield Scene(urls[0], sky, dids, worker)


def talk(ground: Ground, mentions: int) -> None:
    """One account, to which somebody talks."""
    random, waits = Random(1), list[float]()
    with running(ground, 1, 1) as scene:
        for number in range(mentions + 1):
            scene.say(scene.dids)
            waits += scene.waits(number)
            # Ten answers a minute are the limit of an account.
            time.sleep(5 + 3 * random.random())
    found = sorted(waits[1:])
    row = (str(len(found)), *(f"{percentile(found, share):.1f} s" for share in (0.5, 0.95, 1)))
    print_table(("mentions, while somebody talks", "half within", "p95", "all within"), [row])


def many(ground: Ground, accounts: int, servers: int) -> None:
    """Many accounts in one process: when all is quiet, when some are spoken to, and when these talk on."""
    tell(f"{accounts} accounts begin")
    with running(ground, accounts, servers) as scene:
        # They are spread over the servers, as all accounts are.
        some = scene.dids[: accounts // SHARE]
        cpu, asked, began = scene.worker.cpu_seconds(), sum(scene.log()["asked"].values()), time.monotonic()
        time.sleep(QUIET_SECONDS)
        seconds = time.monotonic() - began
        share = (scene.worker.cpu_seconds() - cpu) / seconds
        rate = (sum(scene.log()["asked"].values()) - asked) / seconds / servers
        rows = []
        for name, before in (("first word, after quiet", 0), ("while they talk", len(some))):
            tell(name)
            scene.say(some)
            waits = scene.waits(before)
            numbers = (f"{percentile(waits, part):.1f} s" for part in (0.5, 0.95, 1))
            rows.append((f"{len(some)} of {accounts} accounts, {name}", *numbers))
        memory = scene.worker.memory_mib()
    print_table(("mentions", "half within", "p95", "all within"), rows)
    head = ("accounts", "servers", "requests a second at a server, quiet", "processor, quiet", "most memory")
    print_table(head, [(f"{accounts:,}", str(servers), f"{rate:.1f}", f"{share:.0%}", f"{memory:.0f} MiB")])


def flood(ground: Ground, count: int) -> None:
    """Posts that are due each second for a minute: with a flood of mentions of the same account, and without."""
    rows, late = [], {}
    for mentions in (0, count):
        with running(ground, 2, 1) as scene:
            # Somebody talks to it already, so that the flood is noticed at once.
            scene.say(scene.dids[:1])
            scene.waits(0)
            now = datetime.now(UTC)
            due = {f"{number:07d}": now + timedelta(seconds=10 + number) for number in range(POSTS_SECONDS)}
            for number, at in enumerate(due.values()):
                scene.sky.context.store.posts.add([post_of(number, scene.dids[number % 2], at)])
            cpu = scene.worker.cpu_seconds()
            if mentions:
                scene.say(scene.dids[:1], mentions, by=50)
            time.sleep(POSTS_SECONDS + 30)
            found = scene.log()
            written = {text[5:12]: at for text, at in found["written"].items()}
            waits = [at - due[number].timestamp() for number, at in written.items()]
            late[mentions] = percentile(waits, 0.5)
            parts = (percentile(waits, 0.5), percentile(waits, 0.95), max(waits))
            used = scene.worker.cpu_seconds() - cpu
            figures = (f"{len(waits)} of {len(due)}", *(f"{part:.2f} s" for part in parts))
            rows.append((f"{mentions:,}", *figures, str(len(found["answered"])), f"{used:.1f} s"))
    head = ("mentions at once", "posts due meanwhile", "late p50", "p95", "most", "answers", "processor")
    print_table(head, rows)
    print(f"\nLateness with the flood to that without: {late[count] / late[0]:.2f} (p50).")
