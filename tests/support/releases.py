"""The database of each release, as SQL: what was released is opened by every later version.

What lives here: writing those of the release at hand (`script/release-database`), and putting one in place again. Each
has something in every table, for two accounts of a sandbox whose secrets are known.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import tomllib
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from skywrite.core.clock import FakeClock
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.app.damage import PostgresQueue, Queue, SqliteQueue, fill
from tests.support.postgres import PostgresServer, postgres_server, programs
from tests.support.processes import ROOT
from tests.support.world import NOON, World

FOLDER = ROOT / "tests" / "releases"
# Not secret: the databases hold nothing but what `fill` makes up.
KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
SECRET = "the sandbox of released databases"
# The name of a worker says on which computer it ran, and that is nobody's business.
WORKER = "release/1.1/000000"
BYTES_MAX = 100_000
# What a server says about itself, and what only its own client reads.
_NOISE = r"(?m)^(?:--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(?:un)?restrict .*)\n|^\s*\n"


def world(home: Path) -> World:
    """The network that the accounts of the databases live on, when they were written."""
    clock = FakeClock(NOON)
    box = Sandbox(clock=clock, jwt_secret=SECRET)
    return World(home, box, clock, SandboxTransport(box))


def filled(place: World, address: str | None, queue: Queue) -> None:
    """Something in every table of a new database."""
    with place.process(address, SKYWRITE_KEY=KEY) as sky:
        sky.context.worker_name = WORKER
        mark = "%s" if address else "?"
        sky.accounts.login("alice.test", place.box.account("alice.test").app_password, pds=place.box.url)
        with queue.connected(str(sky.context.config.database)) as connection:
            fill(sky, place, lambda statement, values: connection.execute(statement.replace("?", mark), values))


def sqlite_text() -> str:
    """A database of this version as SQL, for SQLite."""
    with tempfile.TemporaryDirectory() as passing:
        place = world(Path(passing, "home"))
        queue = SqliteQueue(place.home)
        filled(place, None, queue)
        with queue.connected(str(place.home / "skywrite.db")) as connection:
            return "\n".join(connection.iterdump()) + "\n"


def postgres_text(server: PostgresServer) -> str:
    """The same for PostgreSQL."""
    with tempfile.TemporaryDirectory() as passing:
        place = world(Path(passing, "home"))
        queue = PostgresQueue(server, place.home)
        filled(place, queue.address, queue)
        command: list[str | Path] = [
            programs() / "pg_dump",
            "--inserts",
            "--no-owner",
            "--no-privileges",
            queue.address,
        ]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        # The schema that it made is there in every database.
        return re.sub(_NOISE, "", told).replace("public.", "")


def load_sqlite(text: str, path: Path) -> None:
    """Put a database of a release in place."""
    import sqlite3

    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(text)


def load_postgres(text: str, address: str) -> None:
    """The same in an empty database."""
    import psycopg

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(text.encode())


def versions() -> list[str]:
    """The releases whose databases are stored."""
    return sorted(path.name for path in FOLDER.iterdir() if path.is_dir())


def stored(version: str, dialect: str) -> str:
    """The SQL of a release."""
    return (FOLDER / version / f"{dialect}.sql").read_text("utf-8")


def main() -> None:
    """Write the databases of the version that pyproject.toml says."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    folder = FOLDER / version
    folder.mkdir(parents=True, exist_ok=True)
    with postgres_server() as server:
        writers: dict[str, Callable[[], str]] = {"sqlite": sqlite_text, "postgres": lambda: postgres_text(server)}
        for dialect, text in writers.items():
            (folder / f"{dialect}.sql").write_text(text(), "utf-8")
            print(folder / f"{dialect}.sql")


if __name__ == "__main__":
    main()
