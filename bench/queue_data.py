"""What the measurements of the queue stand on: posts by number, databases filled with them, servers, accounts.

Everything is made when first asked for, and ends with `Ground`.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from skywrite.app import Skywrite
from skywrite.core.config import load_config
from skywrite.posting.compose.build import build
from skywrite.posting.compose.draft import draft_from_dict
from skywrite.protocol.atproto.session import Session
from skywrite.queue.model import NewPost
from skywrite.queue.store import Store
from tests.support.pds import Pds, running_pds
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.processes import Child, python_child

ACCOUNTS = 100
BATCH = 10_000
SMALL_ROWS = 1_000
YEAR = timedelta(days=365)
TICKS = os.sysconf("SC_CLK_TCK")
KEY = "A" * 43 + "="
TEXT = "Post 0000000: the figures are at https://example.com/days/0000000, with notes on each of them. #statistics"


def tell(message: str) -> None:
    """Progress, for whoever waits."""
    print(f"{time.strftime('%H:%M:%S')} {message}", file=sys.stderr, flush=True)


def text_of(number: int) -> str:
    """The text of a post: one line with a link and a hashtag."""
    return TEXT.replace("0000000", f"{number:07d}")


def _template() -> str:
    draft = draft_from_dict({"text": TEXT, "card": "none"})
    return json.dumps({"draft": draft.as_dict(), "prepared": build(draft, {}).to_dict()})


_TEMPLATE = _template()


def post_of(number: int, did: str, due_at: datetime) -> NewPost:
    """A post as `import` makes it, with its facets, without the work of making it."""
    made = json.loads(_TEMPLATE.replace("0000000", f"{number:07d}"))
    return NewPost(did, made["draft"], made["prepared"], due_at, source="import")


def fake_dids() -> list[str]:
    """Accounts that exist in the database only."""
    return [f"did:plc:{number:024d}" for number in range(ACCOUNTS)]


def percentile(values: list[float], share: float) -> float:
    """The least value that so large a share of all values does not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


@dataclass
class Filled:
    """A database of so many posts, all due in the coming year, and how long `Store.add` took, batch by batch."""

    kind: str
    sky: Skywrite
    rows: int
    batch_seconds: list[float] = field(default_factory=list)

    @property
    def store(self) -> Store:
        return self.sky.context.store

    def fill(self, dids: Sequence[str] = ()) -> None:
        """Add the posts in batches, the accounts in turn; without any, a hundred."""
        dids = dids or fake_dids()
        for did in dids:
            handle = f"{did[-6:]}.example.com"
            self.store.accounts.sign_in(Session(did, handle, "http://127.0.0.1:1", "access.a.b", "refresh.a.b"))
        start, step = datetime.now(UTC) + timedelta(days=1), YEAR / self.rows
        for first in range(0, self.rows, BATCH):
            numbers = range(first, min(first + BATCH, self.rows))
            posts = [post_of(number, dids[number % len(dids)], start + number * step) for number in numbers]
            began = time.perf_counter()
            self.store.posts.add(posts)
            self.batch_seconds.append(time.perf_counter() - began)
            if first // BATCH % 10 == 0:
                tell(f"{self.kind}: {first + len(posts):,} of {self.rows:,} rows")
        if self.kind == "postgres":
            # As autovacuum would by itself, somewhat later.
            self.execute("ANALYZE")

    def execute(self, query: str) -> Any:
        """The first value of a plain query outside all transactions."""
        if self.kind == "postgres":
            import psycopg

            with psycopg.connect(self.sky.context.config.database, autocommit=True) as server:
                answer = server.execute(query.encode())
                row = answer.fetchone() if answer.description else None
        else:
            import sqlite3

            with closing(sqlite3.connect(self.sky.context.config.database)) as file:
                row = file.execute(query).fetchone()
        return row[0] if row else None

    def size(self) -> int:
        """Bytes of the posts with their indexes."""
        if self.kind == "postgres":
            return int(self.execute("SELECT pg_total_relation_size('post')"))
        self.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return Path(self.sky.context.config.database).stat().st_size


class Ground:
    """Servers, accounts and databases of one run."""

    def __init__(self, stack: ExitStack, rows: int, folder: Path | None) -> None:
        self._stack = stack
        self.rows = rows
        self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="skywrite-bench-", dir=folder)))
        self._filled: dict[tuple[str, int], Filled] = {}
        self._pds: Pds | None = None
        self._postgres: PostgresServer | None = None
        self._sessions: list[Session] = []
        self._homes = 0

    @property
    def pds(self) -> Pds:
        """The reference PDS, without rate limits."""
        if self._pds is None:
            tell("starting the reference PDS")
            self._pds = self._stack.enter_context(running_pds())
        return self._pds

    def sessions(self, count: int) -> list[Session]:
        """So many signed-in accounts on the reference PDS."""
        missing = count - len(self._sessions)
        if missing > 0:
            pds = self.pds
            tell(f"making {missing} accounts")
            with ThreadPoolExecutor(4) as pool:
                self._sessions += pool.map(lambda number: _new_account(pds, number), range(len(self._sessions), count))
        return self._sessions[:count]

    def environ(self, kind: str) -> dict[str, str]:
        """Where a fresh, empty database of a kind is, for this process and for others."""
        self._homes += 1
        home = self.folder / f"home-{self._homes}"
        return {
            "SKYWRITE_HOME": str(home),
            "SKYWRITE_DATABASE": str(home / "skywrite.db") if kind == "sqlite" else self._new_database(),
            "SKYWRITE_KEY": KEY,
            "SKYWRITE_PLC_URL": self._pds.plc_url if self._pds else "http://127.0.0.1:1",
            "SKYWRITE_VIDEO_SERVICE": "",
        }

    def _new_database(self) -> str:
        if self._postgres is None:
            tell("starting PostgreSQL")
            self._postgres = self._stack.enter_context(postgres_server())
        return self._postgres.create_database()

    def sky(self, environ: dict[str, str], sessions: list[Session] | None = None) -> Skywrite:
        """A `Skywrite` on a database, with accounts signed in."""
        sky = self._stack.enter_context(Skywrite(config=load_config(environ)))
        for session in sessions or []:
            sky.context.store.accounts.sign_in(session)
        return sky

    def filled(self, kind: str, rows: int | None = None) -> Filled:
        """A database with this many posts (all that the run asks for, unless told)."""
        rows = rows or self.rows
        if (kind, rows) not in self._filled:
            filled = Filled(kind, self.sky(self.environ(kind)), rows)
            filled.fill()
            self._filled[kind, rows] = filled
        return self._filled[kind, rows]


def _new_account(pds: Pds, number: int) -> Session:
    given = {"handle": f"bench{number}.test", "email": f"bench{number}@example.com", "password": "bench-password"}
    answer = pds.call("com.atproto.server.createAccount", given)
    return Session.from_answer(answer, service_url=pds.url, now=datetime.now(UTC))


def environ_of(sky: Skywrite) -> dict[str, str]:
    """What another process needs to use the same database."""
    config = sky.context.config
    return {
        "SKYWRITE_HOME": str(config.home),
        "SKYWRITE_DATABASE": config.database,
        "SKYWRITE_KEY": KEY,
        "SKYWRITE_PLC_URL": config.plc_url,
        "SKYWRITE_VIDEO_SERVICE": "",
    }


class RunningWorker:
    """A `skywrite run` of its own, whose log is read."""

    def __init__(self, sky: Skywrite, threads: int, *words: str) -> None:
        command = ("-m", "skywrite", "run", "--log", "json", "--threads", str(threads), *words)
        self.child: Child = python_child(*command, environ=environ_of(sky))
        self.child.wait_for_line('"started"')

    def __enter__(self) -> RunningWorker:
        return self

    def __exit__(self, *error: object) -> None:
        self.child.stop()

    def events(self, name: str) -> list[dict[str, Any]]:
        """The events of a name so far."""
        return [json.loads(line) for line in self.child.lines if f'"event": "{name}"' in line]

    def wait_for(self, name: str, count: int, seconds: float) -> list[dict[str, Any]]:
        """The events of a name, when there are so many."""
        ends = time.monotonic() + seconds
        while sum(f'"event": "{name}"' in line for line in tuple(self.child.lines)) < count:
            if time.monotonic() > ends or not self.child.running:
                raise SystemExit(f"{count} events {name!r} did not come; the last lines:\n{self.child.output[-2000:]}")
            time.sleep(0.05)
        return self.events(name)

    def cpu_seconds(self) -> float:
        """Processor time that the process has used."""
        return cpu_seconds(self.child.pid)

    def memory_mib(self) -> float:
        """The most memory that the process has held."""
        return peak_memory_mib(self.child.pid)


def cpu_seconds(pid: int | str) -> float:
    """Processor time that a process has used."""
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS


def database_cpu_seconds(sky: Skywrite) -> float:
    """Processor time of all processes of the PostgreSQL server, also of those that have ended; 0 with SQLite."""
    if sky.context.store.dialect != "postgres":
        return 0.0
    with sky.context.store.reading() as tx:
        server = _stat(tx.select(b"SELECT pg_backend_pid() AS pid", {})[0]["pid"])[1]
    ticks = sum(int(field) for field in _stat(server)[11:15])
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = _stat(folder.name)
        except OSError:
            continue
        if fields[1] == server:
            ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


def _stat(pid: int | str) -> list[str]:
    """The fields of /proc/PID/stat, from the state on."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def peak_memory_mib(pid: int | str = "self") -> float:
    """The most resident memory of a process, in MiB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    raise SystemExit("the system does not tell how much memory a process has held")


def numbers(first: int = 0) -> Iterator[int]:
    """Numbers of posts, each once."""
    while True:
        yield first
        first += 1
