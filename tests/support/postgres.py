"""A PostgreSQL server of our own on loopback, for tests.

    with postgres_server() as server:
        open_store(server.url)
        server.restart()

What lives here: a fresh cluster, its start and its end. The programs come from the distribution.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from tests.support.processes import FAST_FOLDER, Child, ServerUnavailable, free_port

READY = "database system is ready to accept "
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "dynamic_shared_memory_type": "mmap",
    "fsync": "off",
    "full_page_writes": "off",
    "max_connections": "200",
    "shared_buffers": "64MB",
}


class PostgresServer:
    """A running cluster. `url` is that of its database `postgres`; it stays the same over `restart()`."""

    def __init__(
        self, programs: Path, folder: Path, user: str | None, settings: Mapping[str, str | Path] | None = None
    ) -> None:
        self._programs = programs
        self._folder = folder
        self._settings = {**SETTINGS, **(settings or {})}
        self._user = user
        self._numbers = itertools.count(1)
        self.port = free_port()
        self.url = self._url("postgres")
        self._start()

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def _start(self) -> None:
        options = [word for name, value in self._settings.items() for word in ("-c", f"{name}={value}")]
        command: list[str | Path] = [
            self._programs / "postgres",
            "-D",
            self._folder / "data",
            "-p",
            str(self.port),
            *options,
        ]
        self.child = Child(command, folder=self._folder, user=self._user, dies_with_starter=True)
        self.child.wait_for_line(READY)

    def create_database(self, template: str = "template1") -> str:
        """The address of a new database in this cluster: an empty one, or a copy of another."""
        name = f"test_{next(self._numbers)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self._url(name)

    def stop(self) -> None:
        """End the server; clients lose their connections at once, what they committed stays."""
        self.child.stop(number=signal.SIGINT)

    def crash(self) -> None:
        """End it as a crash does: no checkpoint, the next start recovers from the log."""
        self.child.stop(number=signal.SIGQUIT)

    def kill(self) -> None:
        """SIGKILL it with all its processes, of which none can say good-bye to a client."""
        self.child.freeze()
        mine = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        self.child.kill()
        for pid in mine:
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        """Run one statement as its administrator; the rows, where there are any."""
        import psycopg

        with psycopg.connect(self._url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def restart(self) -> None:
        """Start it again on the same port and data (after ending it, where it still runs)."""
        self.stop()
        self._start()


def programs() -> Path:
    """Where PostgreSQL's programs are: the newest ones that are installed."""
    on_path = shutil.which("initdb")
    folders = [Path(on_path).resolve().parent] if on_path else []
    debian = [path for path in Path("/usr/lib/postgresql").glob("*/bin") if (path / "initdb").exists()]
    folders += sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    if not folders:
        raise ServerUnavailable("PostgreSQL is missing, and the tests start one (Debian: apt-get install postgresql).")
    return folders[0]


def server_user() -> str | None:
    """Who runs the server: PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam("postgres").pw_name
    except KeyError:
        raise ServerUnavailable("PostgreSQL does not run as root, and there is no user postgres to run it.") from None


def _run(command: Sequence[str | Path], folder: Path, user: str | None) -> None:
    """Run a program of PostgreSQL to its end, as the user of the server."""
    done = subprocess.run(
        command,
        cwd=folder,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ServerUnavailable(f"{command[0]} failed in {folder}:\n{done.stdout}")


def _initialise(programs: Path, folder: Path, user: str | None) -> None:
    """A fresh cluster, which is made once a run and copied: there are dozens."""
    cluster = FAST_FOLDER / "cluster"
    with (FAST_FOLDER / "cluster.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not cluster.exists():
            options = ["-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"]
            _run([programs / "initdb", "-D", folder / "data", "--no-instructions", *options], folder, user)
            _run(["cp", "-a", folder / "data", cluster], FAST_FOLDER, None)
            return
    _run(["cp", "-a", cluster, folder / "data"], FAST_FOLDER, None)


@contextmanager
def _folder(user: str | None) -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="skywrite-postgres-", dir=FAST_FOLDER))
    try:
        if user:
            shutil.chown(folder, user, user)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def postgres_server(settings: Mapping[str, str | Path] | None = None) -> Iterator[PostgresServer]:
    """A fresh cluster on a free port of 127.0.0.1, gone afterwards, with more settings where they are given.

    Raises ServerUnavailable where there is none.
    """
    binaries, user = programs(), server_user()
    with _folder(user) as folder:
        _initialise(binaries, folder, user)
        server = PostgresServer(binaries, folder, user, settings)
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def standby_of(primary: PostgresServer) -> Iterator[PostgresServer]:
    """A second server that streams all that the primary does, and serves only readers until it is promoted."""
    binaries, user = programs(), server_user()
    with _folder(user) as folder:
        source = ["-h", "127.0.0.1", "-p", str(primary.port), "-U", "postgres"]
        options = ["--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        _run([binaries / "pg_basebackup", "-D", folder / "data", *source, *options], folder, user)
        server = PostgresServer(binaries, folder, user)
        try:
            yield server
        finally:
            server.stop()
