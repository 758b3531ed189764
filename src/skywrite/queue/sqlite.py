"""The SQLite side of the store: one file in WAL mode, durable at every commit, readable by its owner only."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing, suppress
from datetime import datetime
from itertools import chain, islice
from math import inf
from pathlib import Path
from typing import ClassVar, cast

from skywrite.core.digits import ROW_MAX
from skywrite.core.errors import StorageError
from skywrite.core.files import make_private_folder
from skywrite.queue.database import (
    POLL_SECONDS,
    BrokenRule,
    ChangeDetector,
    Connection,
    Database,
    DatabaseUnavailable,
    DiskFull,
    Transaction,
    time_text,
)
from skywrite.queue.hearing import Sound, writes_to
from skywrite.queue.sqlite_file import SeenFile, has_content, put_header, put_in_place, seen_file

BUSY_SECONDS = 20.0
INSERT_ROWS = (1000, 100, 10, 1)
# The log is written before others see the commit, and until it is on the disk some time passes.
LOOKS_SECONDS = (0.0, 0.002, 0.006, 0.016, 0.04, 0.1)
# A frozen record must survive a power cut before it goes to the network, hence FULL and not NORMAL.
_PRAGMAS = "PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA temp_store = MEMORY;"
_WAL_TRIES = 100
_DAMAGE_MAX = 3


class SqliteDatabase(Database):
    """A database file; it and its directory are created if missing."""

    dialect: ClassVar[str] = "sqlite"
    # SQLite has one writer. Threads take turns here, because its own waiting sleeps for up to 100 ms at a time.
    serial_writes: ClassVar[bool] = True
    driver_error = sqlite3.Error

    def __init__(self, path: str, *, busy_seconds: float = BUSY_SECONDS) -> None:
        super().__init__(path)
        self._busy_seconds = busy_seconds
        self._path, self._log = Path(path), Path(f"{path}-wal")
        self._file: SeenFile | None = None

    def begin_process(self) -> None:
        super().begin_process()
        self._looking = threading.Lock()

    @property
    def broke(self) -> str:
        return f"The disk failed to write the database {self.place}"

    def connect(self) -> Connection:
        if self._file is None:
            self._make_file()
        self._notice_another_file()
        connection = sqlite3.connect(
            self._uri(),
            uri=True,
            timeout=self._busy_seconds,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            factory=_Connection,
        )
        try:
            connection.row_factory = sqlite3.Row
            connection.executescript(_PRAGMAS)
            # The built-in function only handles ASCII letters.
            connection.create_function("lower", 1, _lower, deterministic=True)
            self._enter_wal(connection)
            connection.file = self._file
            with self._looking:
                if self._file is not None and (self._file.log is None or not self._file.log.is_there()):
                    self._file.log = seen_file(self._log)
        except BaseException:
            connection.close()
            raise
        return cast(Connection, connection)

    def is_stale(self, connection: Connection) -> bool:
        assert isinstance(connection, _Connection)
        return connection.file is not self._file or self._file is None or not self._file.is_there()

    def close(self) -> None:
        super().close()
        with self._looking:
            if self._file is not None:
                self._file.forget()
            self._file = None

    def _notice_another_file(self) -> None:
        """Remember which file is at our place; if it was replaced, migrate and report it.

        A missing file is not created again: whoever moved it away may be about to put another one there.
        """
        with self._looking:
            before = self._file
            if before is not None and before.is_there():
                return
            now = seen_file(self._path)
            if now is None:
                raise DatabaseUnavailable(
                    f"The database {self.place} was moved away or deleted.",
                    hint="Put it back, or restore a backup; a running program picks it up by itself.",
                )
            if not self._path.stat().st_size:
                now.forget()
                raise StorageError(
                    f"The database {self.place} has 0 bytes: Skywrite never leaves it like that, so it was emptied.",
                    code="database.corrupt",
                    hint="Restore the last backup. If there is nothing to restore, delete the file to start over.",
                )
            if before is not None:
                self._put_aside(before.log)
                before.forget()
                # Those above them would be used again and again, and the old file would never be closed.
                self._close_idle()
            self._file = now
        if before is not None:
            try:
                self.migrate()
                self.on_replaced(self.place)
            except BaseException:
                # The next caller notices it again.
                now.forget()
                raise

    def _put_aside(self, log: SeenFile | None) -> None:
        """If the log of the old file lies next to the new one, SQLite would write the old pages into the new file."""
        if log is not None and log.is_there():
            with suppress(FileNotFoundError):
                self._log.rename(self._log.with_name(f"{self._log.name}.replaced"))

    def _uri(self) -> str:
        """The file's URI for SQLite. On a read-only file system it is opened as immutable, if nothing is missing."""
        address = self._path.absolute().as_uri()
        return f"{address}?immutable=1" if self._takes_no_writes() and not has_content(self._log) else address

    def _takes_no_writes(self) -> bool:
        try:
            return hasattr(os, "statvfs") and bool(os.statvfs(self._path).f_flag & os.ST_RDONLY)
        except OSError:
            return False

    def begin(self, connection: Connection, *, write: bool) -> None:
        connection.execute("BEGIN IMMEDIATE" if write else "BEGIN")

    def translate(self, sql: str) -> str:
        return sql

    def time_value(self, at: datetime) -> str:
        return time_text(at)

    def bind(self, values: Mapping[str, object]) -> Mapping[str, object]:
        bound = dict(values)
        for name, value in values.items():
            if isinstance(value, datetime):
                bound[name] = time_text(value)
            elif isinstance(value, int) and not -ROW_MAX <= value <= ROW_MAX:
                # No column holds it, so it is like none of them, as on PostgreSQL.
                bound[name] = inf if value > 0 else -inf
        return bound

    def execute_many(self, connection: Connection, query: str | bytes, bound: Iterable[Mapping[str, object]]) -> None:
        cast(sqlite3.Connection, connection).executemany(cast(str, query), bound)

    def insert(self, connection: Connection, query: str | bytes, rows: Iterable[Sequence[object]]) -> None:
        coming = iter(rows)

        def following() -> list[Sequence[object]]:
            return list(islice(coming, INSERT_ROWS[0]))

        some = following()
        if len(some) < INSERT_ROWS[0]:
            return _insert(connection, cast(str, query), some)
        from concurrent.futures import ThreadPoolExecutor

        # While SQLite stores some rows, a second thread prepares the next.
        with ThreadPoolExecutor(1) as helper:
            while some:
                ready = helper.submit(following)
                _insert(connection, cast(str, query), some)
                some = ready.result()
        return None

    def run_script(self, connection: Connection, script: str) -> None:
        # `executescript` would commit first, and a migration is applied whole or not at all.
        statement = ""
        for line in script.splitlines(keepends=True):
            statement += line
            if sqlite3.complete_statement(statement):
                connection.execute(statement)
                statement = ""

    def schema_version(self, connection: Connection) -> int:
        try:
            row = connection.execute("SELECT max(version) FROM schema_version").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode == sqlite3.SQLITE_ERROR:
                return 0
            raise
        return int(row[0] or 0)

    def lock_schema(self, connection: Connection) -> None:
        """Nothing to do: BEGIN IMMEDIATE holds the only right to write."""

    def explain(self, error: Exception) -> StorageError:
        code = getattr(error, "sqlite_errorname", None) or ""
        where = f"the database {self.place}"
        if code == "SQLITE_FULL" or code == "SQLITE_IOERR_SHMSIZE":
            return DiskFull(
                f"There is no room left on the disk for {where}.",
                hint="Free some space and run the command again; everything accepted before is safe.",
            )
        if code == "SQLITE_IOERR_WRITE":
            return DiskFull(
                f"There is no room left for {where}: the disk or its quota is full, or it fails to write.",
                hint="Free some space and run the command again; everything accepted before is safe.",
            )
        if code.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            return StorageError(
                f"Another process kept {where} locked for more than {self._busy_seconds:g} seconds.",
                code="database.busy",
                hint="Try again. If it happens again, look for a program that holds the file open (a backup, a shell).",
            )
        if code.startswith("SQLITE_READONLY") or (code.startswith("SQLITE_CANTOPEN") and self._is_read_only()):
            return StorageError(
                f"{where.capitalize()} is read-only.",
                code="database.read_only",
                hint="Give yourself write permission on the file and its directory, or set SKYWRITE_HOME elsewhere.",
            )
        if code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return StorageError(
                f"The file {self.place} is damaged, or is not a Skywrite database.",
                code="database.corrupt",
                hint="Restore the last backup, or move the file away to start with an empty one.",
            )
        if code.startswith(("SQLITE_CONSTRAINT", "SQLITE_MISMATCH")) or "overflow" in str(error):
            return BrokenRule(f"A change breaks a rule of {where}: {error}.")
        if code.startswith("SQLITE_IOERR"):
            return DatabaseUnavailable(
                f"The disk fails to read or write {where}: {error}.",
                hint="Look at the disk and its file system. Once it works again, so does Skywrite.",
            )
        return DatabaseUnavailable(
            f"Cannot use {where}: {error}.",
            hint="Check that the path exists and that you may write there, or set SKYWRITE_HOME elsewhere.",
        )

    def _is_read_only(self) -> bool:
        """Whether the file exists, but its WAL log cannot be created next to it, which reading needs as well."""
        return Path(self.place).exists() and not os.access(Path(self.place).parent, os.W_OK)

    def is_lost(self, error: Exception) -> bool:
        code = getattr(error, "sqlite_errorname", None) or ""
        return code.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR", "SQLITE_CANTOPEN"))

    def detector(self) -> ChangeDetector:
        connection = self.connect()
        try:
            return _DataVersion(self, connection, str(self._log))
        except BaseException:
            connection.close()
            raise

    def damage(self, tx: Transaction) -> Sequence[str]:
        # The thorough check also compares each index with its table, which takes many times as long.
        problems = [str(row["quick_check"]) for row in tx.select(f"PRAGMA quick_check({_DAMAGE_MAX})", {})]
        return [] if problems == ["ok"] else problems

    def backup(self, path: str) -> None:
        # VACUUM INTO reads one snapshot; the page-by-page API would start over at each commit of another process.
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        try:
            with closing(self.connect()) as connection:
                connection.execute("VACUUM INTO ?", (path,))
        except sqlite3.Error as error:
            Path(path).unlink(missing_ok=True)
            raise self.explain(error) from error

    def _make_file(self) -> None:
        """Create the file ourselves, because SQLite would use the umask; its -wal and -shm copy the mode.

        It is in its place only once it is a database: a file without a byte is one that lost them all.
        """
        path = Path(self.place)
        new = path.with_name(f"{path.name}.{os.getpid()}-{threading.get_ident()}.new")
        try:
            if path.exists():
                return
            make_private_folder(path.parent)
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            with suppress(FileExistsError):
                put_header(new)
                put_in_place(new, path)
        except PermissionError as error:
            raise StorageError(
                f"The database {self.place} cannot be made: {error.strerror}.",
                code="database.read_only",
                hint="Give yourself write permission on the directory, or set SKYWRITE_HOME elsewhere.",
            ) from error
        except OSError as error:
            raise self._no_file(error) from error
        except sqlite3.Error as error:
            raise self.explain(error) from error
        finally:
            with suppress(OSError):
                new.unlink(missing_ok=True)

    def _no_file(self, error: OSError) -> StorageError:
        import errno

        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return DiskFull(
                f"There is no room left on the disk for the database {self.place}.",
                hint="Free some space, or set SKYWRITE_HOME to a place with room.",
            )
        if error.errno == errno.EROFS:
            return StorageError(
                f"The database {self.place} cannot be made: the file system is read-only.",
                code="database.read_only",
                hint="Set SKYWRITE_HOME to a place that can be written.",
            )
        return DatabaseUnavailable(
            f"The database {self.place} cannot be made: {error.strerror or error}.",
            hint="Check the path, or set SKYWRITE_HOME elsewhere.",
        )

    def _enter_wal(self, connection: sqlite3.Connection) -> None:
        """Switch to WAL once; unlike other statements, the switch does not wait for locks, so it is retried."""
        if self._takes_no_writes():
            return
        for attempt in range(_WAL_TRIES):
            if connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
                return
            try:
                connection.execute("PRAGMA journal_mode = WAL")
                # The first read creates the log, whose identity we remember.
                connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == _WAL_TRIES - 1:
                    raise
                connection.execute("BEGIN IMMEDIATE")
                connection.execute("ROLLBACK")


def _lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def _insert(connection: Connection, query: str, rows: list[Sequence[object]]) -> None:
    """Insert rows, many with each statement.

    SQLite evaluates the lists in CHECKs and partial indexes once per statement, so this takes half the time. There are
    only a few sizes, because each has its own cached statement.
    """
    start = 0
    while start < len(rows):
        size = next(size for size in INSERT_ROWS if size <= len(rows) - start)
        some = rows[start : start + size]
        group = "(" + ", ".join("?" * len(some[0])) + ")"
        connection.execute(f"{query} {', '.join([group] * size)}", tuple(chain.from_iterable(some)))
        start += size


class _Connection(sqlite3.Connection):
    """A connection that knows its file."""

    file: SeenFile | None = None


class _DataVersion:
    """`PRAGMA data_version` changes when another connection, of any process, has committed."""

    poll_seconds = POLL_SECONDS

    def __init__(self, database: SqliteDatabase, connection: Connection, log: str) -> None:
        self._database = database
        self._connection = connection
        self._seen = self._version()
        self._writes = writes_to(log)
        self.sound = None if self._writes is None else Sound(self._writes, LOOKS_SECONDS, drained=True)

    def changed(self) -> bool:
        before, self._seen = self._seen, self._version()
        return before != self._seen

    def close(self) -> None:
        if self._writes is not None:
            os.close(self._writes)
            self._writes = None
        self._connection.close()

    def _version(self) -> int:
        if self._database.is_stale(self._connection):
            raise DatabaseUnavailable(f"The database {self._database.place} was replaced.")
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])
