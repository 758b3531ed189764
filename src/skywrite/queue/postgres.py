"""The PostgreSQL side of the store: for many workers on many machines. Needs the extra `postgres` (psycopg 3)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cached_property
from itertools import islice
from selectors import EVENT_READ, DefaultSelector
from typing import Any, ClassVar, cast

from skywrite.core.errors import InputError, MissingExtra, StorageError
from skywrite.core.shown import redacted
from skywrite.queue.database import (
    POLL_SECONDS,
    BrokenRule,
    ChangeDetector,
    Connection,
    Database,
    DatabaseConflict,
    DatabaseUnavailable,
    DiskFull,
    Protection,
    Transaction,
)
from skywrite.queue.hearing import Sound

CONNECT_SECONDS = 10
LOCK_SECONDS = 20
STATEMENT_SECONDS = 300
VANISHED_SECONDS = 30
# Threads share transactions, so more of them need hardly more connections; a server has room for ten such workers.
CONNECTIONS_MAX = 8
# A statement that comes back is worth preparing: planning one takes longer than running it.
PREPARE_AFTER = 1
COPY_ROWS = 10_000
CHANNEL = "skywrite"
# Any number will do, as long as nobody else in this database locks the same one.
_SCHEMA_LOCK = 7_305_201_337
_SCHEMA_EXISTS = b"""
SELECT 1 FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relname = 'schema_version' AND nspname = ANY (current_schemas(false))
"""
# The planner expects a hundred rows from JSON, and would rather read a whole table than look up a hundred rows in it.
# From an array it expects ten.
_EACH = re.compile(r"\bjson_each\((:\w+)\) AS item\b")
_ROWS = r"unnest(ARRAY(SELECT json_array_elements(CAST(\1 AS json)))) AS item (value)"
_INDEX_HINT = re.compile(r"\b(?:INDEXED BY \w+|NOT INDEXED)\b")
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]+)")
_SETTINGS = {
    "timezone": "UTC",
    "lock_timeout": f"{LOCK_SECONDS}s",
    "statement_timeout": f"{STATEMENT_SECONDS}s",
    "idle_in_transaction_session_timeout": f"{STATEMENT_SECONDS}s",
    "client_min_messages": "warning",
    # Compiling a plan takes longer than running ours.
    "jit": "off",
}
# `-c name=value`, `-cname=value` and `--name=value`, with libpq's escapes.
_OPTION = re.compile(r"(?:-c\s*|--)([\w.-]+)=((?:\\.|[^\s\\])*)")
_HOST_FAILED = re.compile(r"- host: '([^']*)', port: '?(\w*)'?, hostaddr: [^:]*: (.*)")
# Whoever writes looks rows up by their keys: one plan fits all values. By itself, the server plans the first uses of a
# statement on each connection anew. And without statistics, or of a table that was still small when a connection
# planned, it would read all rows.
_PLANS = b"".join(
    b"; SET LOCAL " + setting
    for setting in (
        b"plan_cache_mode = force_generic_plan",
        b"enable_seqscan = off",
        b"enable_hashjoin = off",
        b"enable_mergejoin = off",
    )
)
_NEWEST = b"SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS xid"
POOLED_POLL_SECONDS = 1.0
# Parts of libpq's messages, all of them from before the password is sent.
_HINTS = {
    "certificate verify failed": "The server's certificate has expired, or is not from an authority that you trust. "
    "Renew it, or name the file of its authority with sslrootcert (sslrootcert=system: those of your computer).",
    "does not match host name": "Write the host in SKYWRITE_DATABASE as its certificate names it, or have the "
    "certificate fixed.",
    "root certificate file": "Name the file of the server's authority with sslrootcert in SKYWRITE_DATABASE "
    "(sslrootcert=system: those that your computer trusts).",
    "does not support SSL": "Turn on TLS at the server (ssl = on in postgresql.conf).",
    "weak sslmode": "Write sslmode=verify-full in SKYWRITE_DATABASE.",
}
_LOCAL = ("localhost", "127.", "::1", "/")


class PostgresDatabase(Database):
    """A database on a server, by its `postgresql://` address."""

    dialect: ClassVar[str] = "postgres"
    serial_writes: ClassVar[bool] = False
    connections_max: ClassVar[int | None] = CONNECTIONS_MAX

    def __init__(self, address: str) -> None:
        try:
            import psycopg
        except ImportError as error:
            raise MissingExtra("PostgreSQL needs a driver that is not installed.", extra="postgres") from error
        self._psycopg = psycopg
        self._address = address
        # Whether connections go through a transaction pooler; None: not known yet.
        self._pooled: bool | None = None
        self.driver_error = psycopg.Error
        try:
            self._options = psycopg.conninfo.conninfo_to_dict(address).get("options") or ""
        except psycopg.Error:
            raise InputError(
                # If the address cannot be parsed, any part may be the password.
                "The address of the database cannot be read.",
                code="database.address_invalid",
                hint="It looks like postgresql://user:password@host:5432/name.",
            ) from None
        super().__init__(redacted(address))

    def connect(self) -> Connection:
        if self._pooled is None:
            return self._first_connection()
        return self._connected("" if self._pooled else self._own_options())

    def _first_connection(self) -> Connection:
        """Use the first connection to find out whether there is a pooler in between."""
        try:
            connection = self._connected(self._own_options())
        except self._psycopg.OperationalError as error:
            if "startup parameter" not in str(error):
                raise
            self._pooled = True
            return self._connected("")
        try:
            row = connection.execute(b"SELECT pg_backend_pid() AS pid").fetchone()
        except BaseException:
            connection.close()
            raise
        # A pooler invents the process id that it reports to clients, and may ignore our settings.
        self._pooled = row["pid"] != cast(Any, connection).info.backend_pid
        return self._prepared(connection)

    def _own_options(self) -> str:
        # After those of the address, which may choose a schema: `?options=-csearch_path%3Dposts`.
        ours = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
        return f"{self._options} {ours}".strip()

    def _connected(self, options: str) -> Connection:
        from psycopg.rows import dict_row
        from psycopg.types.string import TextLoader

        connection = self._psycopg.connect(
            self._address,
            connect_timeout=CONNECT_SECONDS,
            options=options,
            application_name="skywrite",
            row_factory=dict_row,
            # Transactions begin with our own BEGIN: it is the one statement that may find the connection dead.
            autocommit=True,
            keepalives=1,
            keepalives_idle=30,
            keepalives_interval=10,
            keepalives_count=3,
            # A server that vanishes in the middle of a statement; keepalives are for connections that are idle.
            tcp_user_timeout=VANISHED_SECONDS * 1000,
        )
        # JSON and times come as text from both databases, and are parsed in one place: the driver refuses all rows for
        # one time that Python has no room for (infinity, a year before Christ).
        for name in ("json", "jsonb", "timestamptz"):
            connection.adapters.register_loader(name, TextLoader)
        return self._prepared(cast(Connection, connection))

    def _prepared(self, connection: Connection) -> Connection:
        # Through a pooler, statements prepared by the driver would belong to a session that another client gets next.
        cast(Any, connection).prepare_threshold = None if self._pooled else PREPARE_AFTER
        return connection

    def begin(self, connection: Connection, *, write: bool) -> None:
        # Not READ WRITE: an administrator's default of read-only stands. The level is named, because our locks are
        # made for this one, whatever the default of the database is. Who only reads sees one state, as in SQLite.
        mode = b"READ COMMITTED" if write else b"REPEATABLE READ READ ONLY"
        also = self._settings if self._pooled else _PLANS if write else b""
        cast(Any, connection).execute(b"BEGIN ISOLATION LEVEL " + mode + also, prepare=False)

    @cached_property
    def _settings(self) -> bytes:
        """The settings that a transaction through a pooler begins with; without one, the session has them."""
        settings = {
            name.replace("-", "_"): re.sub(r"\\(.)", r"\1", text) for name, text in _OPTION.findall(str(self._options))
        }
        calls = (
            f"set_config({_quoted(name)}, {_quoted(text)}, true)" for name, text in {**settings, **_SETTINGS}.items()
        )
        return f"; SELECT {', '.join(calls)}".encode()

    def translate(self, sql: str) -> bytes:
        sql = _EACH.sub(_ROWS, _INDEX_HINT.sub("", sql))
        return _PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%")).encode()

    def time_value(self, at: datetime) -> str:
        # This is faster than the driver's own conversion of times.
        return at.isoformat()

    def bind(self, values: Mapping[str, object]) -> Mapping[str, object]:
        return values

    def execute_many(self, connection: Connection, query: str | bytes, bound: Iterable[Mapping[str, object]]) -> None:
        cursor = cast(Any, connection).cursor()
        with cursor:
            cursor.executemany(query, bound)

    def insert(self, connection: Connection, query: str | bytes, rows: Iterable[Sequence[object]]) -> None:
        # The server stores rows while we prepare the next. A statement has little time, and a line may be slow.
        coming = iter(rows)
        with cast(Any, connection).cursor() as cursor:
            while first := next(coming, None):
                with cursor.copy(query) as copy:
                    copy.write_row(first)
                    for row in islice(coming, COPY_ROWS - 1):
                        copy.write_row(row)

    def reader(self, connection: Connection) -> Any:
        # With a name, the rows stay at the server until they are fetched.
        return cast(Any, connection).cursor("skywrite_reader")

    def run_script(self, connection: Connection, script: str) -> None:
        connection.execute(script.encode())

    def schema_version(self, connection: Connection) -> int:
        # Not `to_regclass`: it caches that the table did not exist, even after we waited for another process to create
        # it.
        if connection.execute(_SCHEMA_EXISTS).fetchone() is None:
            return 0
        row = connection.execute(self.query("schema_version")).fetchone()
        return int(row["version"] or 0)

    def lock_schema(self, connection: Connection) -> None:
        connection.execute(b"SELECT pg_advisory_xact_lock(%s)", (_SCHEMA_LOCK,))

    def explain(self, error: Exception) -> StorageError:
        state = getattr(error, "sqlstate", None) or ""
        where = f"the database {self.place}"
        message = _said(error)
        if state == "53100":
            return DiskFull(
                f"There is no room left on the server's disk for {where}.",
                hint="Free some space there; everything accepted before is safe.",
            )
        if state in ("40P01", "40001"):
            return DatabaseConflict(
                f"{where.capitalize()} rolled back a change repeatedly because of conflicts.",
                hint="Nothing was changed; try again.",
            )
        if state in ("55P03", "57014"):
            return StorageError(
                f"Other connections kept {where} locked for too long.",
                code="database.busy",
                hint="Try again. If it happens again, look for long transactions in pg_stat_activity.",
            )
        if state in ("25006", "42501"):
            return StorageError(
                f"{where.capitalize()} does not allow writing: {message}",
                code="database.read_only",
                hint="Use the primary server and a role that may write, or set SKYWRITE_DATABASE to another database.",
            )
        if state.startswith(("22", "23")) or state == "25P02":
            return BrokenRule(f"A change breaks a rule of {where}: {message}.")
        if state.startswith("XX"):
            return StorageError(
                f"{where.capitalize()} is damaged: {message}",
                code="database.corrupt",
                hint="Ask the operator of the server.",
            )
        if not state and (problem := untrusted(where, message)):
            return problem
        return DatabaseUnavailable(
            f"Cannot use {where}: {message}",
            hint="Check that the server runs and that SKYWRITE_DATABASE names the right host, user and password.",
        )

    def protection(self, connection: Connection) -> Protection:
        return protection_of(connection)

    def is_lost(self, error: Exception) -> bool:
        state = getattr(error, "sqlstate", None)
        return isinstance(error, self._psycopg.OperationalError) and (state is None or state[:2] in ("57", "08"))

    def detector(self) -> ChangeDetector:
        connection = self.connect()
        # LISTEN does not work through a pooler: the listening session goes to another client.
        try:
            return _Polling(connection) if self._pooled else _Listener(connection)
        except BaseException:
            connection.close()
            raise

    def announce(self, tx: Transaction) -> None:
        tx.rows("announce", channel=CHANNEL)

    def backup(self, path: str) -> None:
        raise InputError(
            "A PostgreSQL database is backed up with PostgreSQL's own tools.",
            code="backup.by_server",
            hint=f"pg_dump --format=custom --file={path} {self.place}",
        )


class _Polling:
    """Checks whether anybody has committed a write, in any database of the server."""

    poll_seconds = POOLED_POLL_SECONDS
    sound: Sound | None = None

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._seen = self._newest()

    def changed(self) -> bool:
        before, self._seen = self._seen, self._newest()
        return before != self._seen

    def close(self) -> None:
        with suppress(Exception):
            self._connection.close()

    def _newest(self) -> str:
        row = self._connection.execute(
            b"SELECT CAST(pg_snapshot_xmax(pg_current_snapshot()) AS text) AS xid"
        ).fetchone()
        return str(row["xid"])


class _Listener:
    """LISTEN on our channel. A connection that breaks counts as a change, since something may have been missed."""

    poll_seconds = POLL_SECONDS

    def __init__(self, connection: Connection) -> None:
        self._connection = cast(Any, connection)
        self._connection.execute(f"LISTEN {CHANNEL}".encode())
        self._readable = DefaultSelector()
        self._readable.register(self._connection.fileno(), EVENT_READ)
        self.sound: Sound | None = Sound(self._connection.fileno())

    def changed(self) -> bool:
        # The driver's own call takes many times as long, and this runs ten times a second.
        return bool(self._readable.select(0)) and bool(list(self._connection.notifies(timeout=0)))

    def close(self) -> None:
        self._readable.close()
        with suppress(Exception):
            self._connection.close()


def _said(error: Exception) -> str:
    """What the driver said, on one line: of an address with several hosts, what happened at each."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    hosts = [host for line in lines if (host := _HOST_FAILED.match(line))]
    if not hosts:
        return lines[0]
    return "; ".join(f"{host[1]}:{host[2]}: {host[3].rpartition(' failed: ')[2]}" for host in hosts)


def _quoted(text: str) -> str:
    """A text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def untrusted(where: str, message: str) -> DatabaseUnavailable | None:
    """The error for what libpq said, if it refused to talk to the server."""
    hint = next((hint for part, hint in _HINTS.items() if part in message), None)
    if hint is None:
        return None
    return DatabaseUnavailable(
        f"The connection to {where} is not safe, so nothing was sent: {message}", code="database.untrusted", hint=hint
    )


def protection_of(connection: Any) -> Protection:
    """How a psycopg connection is protected."""
    encrypted = bool(connection.pgconn.ssl_in_use)
    mode = connection.info.get_parameters().get("sslmode")
    host = connection.info.hostaddr or connection.info.host
    return Protection(encrypted, encrypted and mode == "verify-full", host.startswith(_LOCAL))
