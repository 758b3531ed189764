"""One interface to both databases: named queries inside transactions, and errors that a user can act on.

What lives here: `Database`, which `sqlite.py` and `postgres.py` fill in with what differs (connecting, beginning,
binding values, naming errors), `Transaction`, and the storage errors. What does not: any knowledge of posts.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from typing import Any, ClassVar, NamedTuple, Protocol, cast

from skywrite.core.errors import Do, Hint, InputError, StorageError
from skywrite.queue.forking import follow_forks
from skywrite.queue.hearing import Sound
from skywrite.queue.joint import Joint
from skywrite.queue.queries import query
from skywrite.queue.turns import Turns

Row = Mapping[str, Any]


class DatabaseUnavailable(StorageError):
    """The database cannot be reached or opened."""

    code = "database.unavailable"


class DatabaseConflict(StorageError):
    """The server rolled the transaction back in favour of another one (a deadlock); it may be repeated."""

    code = "database.conflict"


class CommitInDoubt(DatabaseUnavailable):
    """The connection broke before the response to COMMIT: the change may have been stored."""

    code = "database.commit_in_doubt"


class DiskFull(StorageError):
    """The database's disk is full; everything accepted before is safe."""

    code = "disk.full"

    http_status = 507


class BrokenRule(StorageError):
    """The database refused a change that violates a constraint: a bug in the program, or a value in the database that
    the program never writes. Nothing was changed.
    """

    code = "database.rule_broken"

    def __init__(self, message: str) -> None:
        hint = Hint("Nothing was changed. Look for damage: ", Do("doctor"), ". Please report it.")
        super().__init__(message, hint=hint)


def is_about_one(error: Exception) -> bool:
    """Whether an error is about one row or thing; the others of the database are not in trouble with it."""
    return not isinstance(error, StorageError) or isinstance(error, BrokenRule)


POLL_SECONDS = 0.15
# Where a change can be heard, this is for what was not.
HEARING_POLL_SECONDS = 1.0
YEAR_MAX = 9999


class Protection(NamedTuple):
    """How a connection is protected. `local`: it does not leave this computer."""

    encrypted: bool
    verified: bool
    local: bool

    def __str__(self) -> str:
        if not self.encrypted:
            return "not encrypted"
        return "encrypted, and the server is verified" if self.verified else "encrypted, but the server is not verified"

    @property
    def is_enough(self) -> bool:
        """Whether nobody on the way can read or change anything."""
        return self.local or self.verified


class Connection(Protocol):
    """What `sqlite3.Connection` and `psycopg.Connection` have in common."""

    def execute(self, query: Any, params: Any = ..., /) -> Any: ...

    def commit(self) -> None: ...

    def rollback(self) -> None: ...

    def close(self) -> None: ...


class ChangeDetector(Protocol):
    """Detects whether another connection has committed something since the last check.

    `poll_seconds`: how long to wait between checks, each of which wakes the processor. `sound`: what tells that a check
    may be worth it, so that those that nothing told of may be rare.
    """

    poll_seconds: float

    @property
    def sound(self) -> Sound | None: ...

    def changed(self) -> bool: ...

    def close(self) -> None: ...


class Accepted(NamedTuple):
    """The first of the posts that a transaction stores, and how many there are: enough to find out whether they were
    stored after a commit in doubt.
    """

    id: int
    account_did: str
    root_rkey: str
    posts: int


class Transaction:
    """Named queries on one connection; all is committed together, or nothing.

    `accepted` describes the posts that it stores.
    """

    def __init__(self, database: Database, connection: Connection) -> None:
        self._database = database
        self._connection = connection
        # All rows are fetched at once, so one cursor will do: to make one takes a fifth of what a small query takes us.
        self._cursor = cast(Any, connection).cursor()
        self.accepted: Accepted | None = None

    def rows(self, name: str, /, **values: object) -> list[Row]:
        """All rows of the named query."""
        return self.select(self._database.query(name), values)

    def row(self, name: str, /, **values: object) -> Row | None:
        """The first row of the named query, or None."""
        rows = self.rows(name, **values)
        return rows[0] if rows else None

    def run(self, name: str, /, **values: object) -> int:
        """Run a named query that returns no rows. Returns how many rows it changed."""
        self._execute(self._database.query(name), values)
        return cast(int, self._cursor.rowcount)

    def run_many(self, name: str, values: Iterable[Mapping[str, object]]) -> None:
        """Run a named query once for each set of values; times must come from `time_value`."""
        self._database.execute_many(self._connection, self._database.query(name), values)

    def insert(self, name: str, rows: Iterable[Sequence[object]]) -> None:
        """Store many rows with a named query of the dialect; times must come from `time_value`."""
        self._database.insert(self._connection, self._database.query(name), rows)

    def time_value(self, at: datetime | None) -> object:
        """A time as the driver takes it, for `run_many` and `insert`."""
        return None if at is None else self._database.time_value(at)

    def select(self, query: str | bytes, values: Mapping[str, object]) -> list[Row]:
        """All rows of a query that the caller composed from a named one; see `Database.compose`."""
        return cast("list[Row]", self._execute(query, values).fetchall())

    def _execute(self, query: str | bytes, values: Mapping[str, object]) -> Any:
        try:
            return self._cursor.execute(query, self._database.bind(values))
        except UnicodeEncodeError as error:
            raise InputError(
                f"{error.object[:60]!r} contains half a character, which cannot be stored.",
                code="text.invalid",
                hint="Write it as UTF-8.",
            ) from None


class Database(ABC):
    """Connections to one database. Threads may share it: each transaction has its own connection.

    `connections_max`: how many transactions there are at once, for all threads; None: any number. `on_replaced(place)`
    is called when the file was replaced by another, which is migrated and used from then on. `watching`: the threads of
    this process that wait for changes.
    """

    dialect: ClassVar[str]
    serial_writes: ClassVar[bool]
    connections_max: ClassVar[int | None] = None
    driver_error: type[Exception]

    def __init__(self, place: str) -> None:
        self.place = place
        self._queries: dict[str, str | bytes] = {}
        self.migrate: Callable[[], None] = lambda: None
        self.on_replaced: Callable[[str], None] = lambda place: None
        self.watching: set[threading.Event] = set()
        self._closed = False
        self.begin_process()
        follow_forks(self)

    def begin_process(self) -> None:
        """Have no connection and no turn: after a fork, those of before belong to the other process and its threads."""
        # To close them would end them for the other process, too.
        self._left = getattr(self, "_idle", None)
        self._idle: list[Connection] = []
        self.joint: Joint[Transaction] = Joint(self.driver_error, self.explain)
        self.turns = Turns() if self.serial_writes else None
        self._limit = ConnectionLimit(self.connections_max) if self.connections_max else None

    @property
    def broke(self) -> str:
        """What happens when a commit gets no answer, as the beginning of a sentence."""
        return f"The connection to the database {self.place} broke"

    @abstractmethod
    def connect(self) -> Connection:
        """A new connection, ready for use."""

    @abstractmethod
    def begin(self, connection: Connection, *, write: bool) -> None:
        """Start a transaction; with a single-writer database, a writing one takes the write lock at once."""

    @abstractmethod
    def translate(self, sql: str) -> str | bytes:
        """A query with `:name` parameters in the driver's syntax."""

    @abstractmethod
    def time_value(self, at: datetime) -> object:
        """A time in the driver's format."""

    @abstractmethod
    def bind(self, values: Mapping[str, object]) -> Mapping[str, object]:
        """Values in the driver's format; times must be aware."""

    @abstractmethod
    def execute_many(self, connection: Connection, query: str | bytes, bound: Iterable[Mapping[str, object]]) -> None:
        """Run one query for many sets of values that are already in the driver's format."""

    @abstractmethod
    def insert(self, connection: Connection, query: str | bytes, rows: Iterable[Sequence[object]]) -> None:
        """Store many rows as fast as the database can, as they come; the query is an INSERT without its values, or a
        COPY.
        """

    @abstractmethod
    def run_script(self, connection: Connection, script: str) -> None:
        """Run a migration's statements inside the open transaction."""

    @abstractmethod
    def schema_version(self, connection: Connection) -> int:
        """The number of the last migration applied; 0 for a new database."""

    @abstractmethod
    def lock_schema(self, connection: Connection) -> None:
        """Allow only one process to migrate, until the transaction ends."""

    @abstractmethod
    def explain(self, error: Exception) -> StorageError:
        """The error for the user that corresponds to a driver's error."""

    @abstractmethod
    def is_lost(self, error: Exception) -> bool:
        """Whether the connection that raised this error is unusable."""

    def is_stale(self, connection: Connection) -> bool:
        """Whether this connection is to another database than the one that is now at our place."""
        return False

    def protection(self, connection: Connection) -> Protection | None:
        """How this connection is protected on its way; None if it has none, because the database is a file."""
        return None

    @abstractmethod
    def detector(self) -> ChangeDetector:
        """A cheap detector of other connections' commits."""

    def announce(self, tx: Transaction) -> None:  # noqa: B027
        """Notify other processes of a change, in this transaction; does nothing if they notice by themselves."""

    def damage(self, tx: Transaction) -> Sequence[str]:
        """What is wrong with the database's own pages, in its words; empty where all is well, or it cannot tell."""
        return ()

    @abstractmethod
    def backup(self, path: str) -> None:
        """Write a consistent copy to `path` while the database is in use."""

    def query(self, name: str) -> str | bytes:
        """A named query as the driver reads it."""
        if name not in self._queries:
            self._queries[name] = self.compose(name)
        return self._queries[name]

    def pages(self, tx: Transaction, sql: str, size: int) -> Iterator[list[Row]]:
        """All rows of a query without parameters, some at a time."""
        cursor = self.reader(tx._connection)
        try:
            cursor.execute(self.translate(sql))
            while rows := cursor.fetchmany(size):
                yield rows
        finally:
            cursor.close()

    def reader(self, connection: Connection) -> Any:
        """A cursor that reads rows as they are fetched."""
        return cast(Any, connection).cursor()

    def compose(self, name: str, *parts: str) -> str | bytes:
        """A named query followed by more SQL, written with `:name` parameters."""
        return self.translate("\n".join((query(self.dialect, name), *parts)))

    @contextmanager
    def transaction(self, *, write: bool = True, first: bool = False) -> Iterator[Transaction]:
        """Commit at the end of the block, or roll back on an error. `first`: before what other threads write.

        In a thread with a joint transaction, it is a step of that. Raises the storage errors of this module instead of
        the driver's.
        """
        if self.joint.is_open:
            with self.joint.step() as open_one:
                yield open_one
            return
        turn = self.turns.taken(first=first) if self.turns and write else nullcontext()
        with turn, self._limit.taken() if self._limit else nullcontext():
            connection = self._started(write)
            try:
                yield Transaction(self, connection)
            except self.driver_error as error:
                self._give_up(connection, error)
                raise self.explain(error) from error
            except BaseException:
                self._give_up(connection, None)
                raise
            self._commit(connection, write=write)
            self.give_back(connection)

    def _commit(self, connection: Connection, *, write: bool) -> None:
        try:
            connection.commit()
        except self.driver_error as error:
            self._give_up(connection, error)
            explained = self.explain(error)
            if write and self.is_lost(error) and isinstance(explained, DatabaseUnavailable):
                raise CommitInDoubt(
                    f"{self.broke} while a change was being stored: the change may have been stored.",
                    hint=Hint("Check before you repeat it: ", Do("posts.list")),
                ) from error
            raise explained from error
        except BaseException:
            self._give_up(connection, None)
            raise

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they are returned."""
        self._closed = True
        self._close_idle()

    def _close_idle(self) -> None:
        while self._idle:
            # Another thread may take the last one meanwhile.
            with suppress(IndexError):
                self._idle.pop().close()

    def _started(self, write: bool) -> Connection:
        """A connection with an open transaction; a connection that was lost while idle is replaced."""
        try:
            while self._idle:
                try:
                    connection = self._idle.pop()
                except IndexError:
                    break
                if self.is_stale(connection):
                    connection.close()
                    continue
                try:
                    self.begin(connection, write=write)
                except self.driver_error as error:
                    connection.close()
                    if not self.is_lost(error):
                        raise
                else:
                    return connection
            connection = self.connect()
            try:
                self.begin(connection, write=write)
            except BaseException:
                connection.close()
                raise
            return connection
        except self.driver_error as error:
            raise self.explain(error) from error

    def _give_up(self, connection: Connection, error: Exception | None) -> None:
        try:
            connection.rollback()
        except self.driver_error:
            connection.close()
            return
        if error is not None and self.is_lost(error):
            connection.close()
            return
        self.give_back(connection)

    def give_back(self, connection: Connection) -> None:
        """Keep a connection for the next transaction."""
        if self._closed or (self.connections_max is not None and len(self._idle) >= self.connections_max):
            with suppress(Exception):
                connection.close()
            return
        self._idle.append(connection)


def time_text(at: datetime) -> str:
    """A time as SQLite stores it: UTC, microseconds, `Z`; the text sorts by time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def time_of(value: str | None) -> datetime | None:
    """A time from either database, in UTC. Raises ValueError for what is none, or has no room for reckoning with it."""
    if value is None:
        return None
    at = datetime.fromisoformat(value)
    if at.tzinfo is None or not 1 < at.year < YEAR_MAX:
        raise ValueError("not a time")
    return at if at.tzinfo is UTC else at.astimezone(UTC)


class ConnectionLimit:
    """At most `most` threads use a connection at once; the others wait until one is free.

    A thread that has a connection gets another one without waiting, so threads never wait for each other in a circle.
    """

    def __init__(self, most: int) -> None:
        self._free = threading.Semaphore(most)
        self._own = threading.local()

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Use a connection inside the `with` block."""
        if getattr(self._own, "has_one", False):
            yield
            return
        with self._free:
            self._own.has_one = True
            try:
                yield
            finally:
                self._own.has_one = False
