"""Bad days: full disk, locked, read-only, damaged, somebody else's file, a server that is away."""

from __future__ import annotations

import os
import sqlite3
import stat
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, MissingExtra, StorageError
from skywrite.queue import sqlite as sqlite_store
from skywrite.queue.damage import Damage
from skywrite.queue.database import CommitInDoubt, Connection, DatabaseUnavailable, DiskFull
from skywrite.queue.model import NewMedia, Published
from skywrite.queue.sqlite import SqliteDatabase
from skywrite.queue.store import Store, open_store
from skywrite.queue.vault import Vault
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.postgres import PostgresServer
from tests.support.stored import ALICE, KEY, LEASE_SECONDS, OpenAt, claimed, opened, post, raw, session, take

SECRET = "canary-password"


@pytest.fixture
def lite(sqlite_address: str, open_at: OpenAt) -> Store:
    """A SQLite store with alice in it."""
    store = open_at(sqlite_address)
    store.accounts.sign_in(session())
    return store


@pytest.fixture
def away(stoppable: PostgresServer, postgres_address: str, open_at: OpenAt) -> tuple[PostgresServer, Store]:
    """A PostgreSQL server that may be stopped, and a store on it."""
    store = open_at(postgres_address)
    store.accounts.sign_in(session())
    return stoppable, store


def with_pragma(monkeypatch: pytest.MonkeyPatch, pragma: str) -> None:
    """Let every new connection run a pragma that brings about a state of the disk."""
    connect = SqliteDatabase.connect

    def connect_so(self: SqliteDatabase) -> Connection:
        connection = connect(self)
        connection.execute(f"PRAGMA {pragma}")
        return connection

    monkeypatch.setattr(SqliteDatabase, "connect", connect_so)


def test_disk_full(lite: Store, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk a post is refused as a whole, and what was accepted before is there and can be published."""
    lite.posts.add([post("before")])
    pages = raw(lite, "PRAGMA page_count")[0][0]
    with_pragma(monkeypatch, f"max_page_count = {pages + 8}")
    store = open_at(lite.place)
    with pytest.raises(DiskFull, match="no room left") as caught:
        store.posts.add([post("x" * 3000) for _ in range(50)])
    assert (lite.place in caught.value.message, ["before"]) == (True, [one.text for one in store.listing.posts()])
    assert store.claims.settle(claimed(store), Published("at://a/b/c", "bafy"))


def test_read_only(lite: Store, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch) -> None:
    """A database that may read-only can be read, and a change says what is wrong."""
    with_pragma(monkeypatch, "query_only = ON")
    store = open_at(lite.place)
    with fails("database.read_only", match="read-only") as caught:
        store.posts.add([post()])
    assert ([ALICE], True) == ([a.did for a in store.accounts.all()], "SKYWRITE_HOME" in caught.value.hint)


def test_no_write_permission(home: Path) -> None:
    """A directory in which nothing may be made is told by its path."""
    if os.geteuid() == 0:
        pid = os.fork()
        if pid == 0:
            # Root may write everywhere, so somebody else tries.
            code = 1
            try:
                os.setgid(65534)
                os.setuid(65534)
                opened(str(home / "new" / "skywrite.db"), home)
            except StorageError:
                code = 0
            finally:
                os._exit(code)
        home.chmod(0o755)
        assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        return
    home.chmod(0o500)
    with fails("database.read_only", match=str(home)):
        opened(str(home / "new" / "skywrite.db"), home)
    home.chmod(0o700)


def test_locked_for_too_long(lite: Store, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another program holds the database for longer than we wait, a change fails and nothing of it is kept."""
    monkeypatch.setattr(sqlite_store, "BUSY_SECONDS", 0.05)
    store = open_at(lite.place)
    store.database._busy_seconds = 0.05  # type: ignore[attr-defined]
    store.database.close()
    store.database._closed = False
    with closing(sqlite3.connect(lite.place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with fails("database.busy", match="locked"):
            store.posts.add([post()])
        assert [] == store.listing.posts()
        other.execute("ROLLBACK")
    assert 1 == len(store.posts.add([post()]))


@pytest.mark.parametrize(
    "content", [b"this is a text file, long enough to be looked at" * 30, b"SQLite format 3\x00" + b"\xff" * 5000]
)
def test_no_database_of_ours(sqlite_address: str, home: Path, content: bytes) -> None:
    """A file that is no database is told as such, and is left as it is."""
    Path(sqlite_address).write_bytes(content)
    with fails("database.corrupt", match="not a Skywrite database"):
        opened(sqlite_address, home)
    assert content == Path(sqlite_address).read_bytes()


def test_an_emptied_file_is_not_a_new_database(lite: Store, sqlite_address: str, open_at: OpenAt) -> None:
    """Who begins anew in a file that was emptied has lost the queue, and does not know it."""
    lite.close()
    for end in ("", "-wal", "-shm"):
        Path(f"{sqlite_address}{end}").write_bytes(b"")
    with fails("database.corrupt", match="0 bytes"):
        open_at(sqlite_address)
    assert 0 == Path(sqlite_address).stat().st_size


def test_a_disk_that_does_not_keep_what_is_written(lite: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit that the disk fails is in doubt, and the error speaks of the disk: no connection broke."""
    failure = sqlite3.OperationalError("disk I/O error")
    failure.sqlite_errorname, failure.sqlite_errorcode = "SQLITE_IOERR_FSYNC", sqlite3.SQLITE_IOERR_FSYNC

    def fail(connection: Connection) -> None:
        raise failure

    monkeypatch.setattr("skywrite.queue.sqlite._Connection.commit", fail, raising=False)
    with pytest.raises(CommitInDoubt, match="The disk failed to write the database"):
        lite.settings.put("a", "b", 1)


def test_a_new_file_has_its_name_only_as_a_database(home: Path) -> None:
    """A process that dies while it makes the file leaves none that counts as emptied."""
    SqliteDatabase(str(home / "new.db")).connect().close()
    assert b"SQLite format 3" == (home / "new.db").read_bytes()[:15]
    assert [] == list(home.glob("*.new"))


def test_a_damaged_file_is_found_by_a_look_at_its_pages(lite: Store, sqlite_address: str, open_at: OpenAt) -> None:
    """Also where nobody reads them in daily work."""
    lite.media.put(NewMedia("bafy", "video/mp4", 100_000, iter([b"x" * 100_000])))
    assert [] == Damage(lite).pages()
    raw(lite, "PRAGMA wal_checkpoint(TRUNCATE)")
    lite.close()
    with Path(sqlite_address).open("r+b") as file:
        file.seek(-8 * 4096, os.SEEK_END)
        file.write(b"\xa5" * 4096)
    damaged = open_at(sqlite_address)
    assert 0 < len(damaged.accounts.all()) <= len(Damage(damaged).pages())


def test_damaged_pages(lite: Store, open_at: OpenAt) -> None:
    """A database with damaged pages says so when they are read, be it at once or later."""
    sound = 4096 * raw(lite, "PRAGMA page_count")[0]["page_count"]
    lite.posts.add([post("x" * 500) for _ in range(200)])
    raw(lite, "PRAGMA wal_checkpoint(TRUNCATE)")
    lite.close()
    path = Path(lite.place)
    whole = path.read_bytes()
    path.write_bytes(whole[:sound] + b"\xa5" * (len(whole) - sound))
    with fails("database.corrupt", match="damaged"):
        open_at(lite.place).listing.posts(limit=1000)


@pytest.mark.parametrize("place", ["file/skywrite.db", "folder"])
def test_place_that_cannot_be(home: Path, place: str) -> None:
    """A path through a file, or one that is a directory, is told by its name."""
    (home / "file").touch()
    (home / "folder").mkdir()
    with pytest.raises(DatabaseUnavailable, match=place):
        opened(str(home / place), home)


def test_files_are_private(home: Path) -> None:
    """Database, journal and directory are for their owner only, also under umask 000."""
    before = os.umask(0)
    try:
        store = opened(str(home / "new" / "deep" / "skywrite.db"), home)
        store.accounts.sign_in(session())
        store.backup(home / "new" / "copy.db")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (home / "new").rglob("*")}
        store.close()
    finally:
        os.umask(before)
    files = dict.fromkeys(("skywrite.db", "skywrite.db-wal", "skywrite.db-shm", "copy.db"), 384)
    assert {"deep": 0o700, **files} == modes
    assert 0o700 == stat.S_IMODE((home / "new").stat().st_mode)


def test_power_cut(lite: Store, home: Path) -> None:
    """What a process committed is there when it is killed before it could close anything."""
    pid = os.fork()
    if pid == 0:
        store = opened(lite.place, home)
        store.posts.add([post("kept")])
        claim_next(store, "w", LEASE_SECONDS, take("FROZEN"))
        os._exit(0)
    os.waitpid(pid, 0)
    assert [("kept", "publishing", "FROZEN")] == [(one.text, one.state, one.frozen) for one in lite.listing.posts()]


def test_durable_before_the_network(lite: Store) -> None:
    """Every commit reaches the disk (synchronous = FULL, 2) in a write-ahead log, with foreign keys enforced."""
    values = [raw(lite, f"PRAGMA {name}")[0][0] for name in ("synchronous", "journal_mode", "foreign_keys")]
    assert [2, "wal", 1] == values


def test_backup_while_it_runs(lite: Store, home: Path, open_at: OpenAt) -> None:
    """A backup made while a transaction is open holds exactly what was committed, and opens as a store."""
    lite.posts.add([post("committed")])
    with lite.writing() as tx:
        tx.run("set_account_settings", did=ALICE, settings='{"a":1}')
        lite.backup(home / "copy.db")
    copy = open_at(str(home / "copy.db"))
    assert (["committed"], {}, session()) == (
        [p.text for p in copy.listing.posts()],
        copy.accounts.get().settings,
        copy.sessions.load(ALICE),
    )


def test_backup_replaces_nothing(lite: Store, home: Path) -> None:
    """A backup never writes over a file."""
    (home / "copy.db").write_text("precious")
    with fails("backup.exists"):
        lite.backup(home / "copy.db")
    assert "precious" == (home / "copy.db").read_text()


def test_backup_to_nowhere(lite: Store, home: Path) -> None:
    """A backup into a directory that does not exist says so."""
    with pytest.raises(StorageError, match="cannot be written"):
        lite.backup(home / "missing" / "copy.db")


def test_backup_of_postgres(postgres_address: str, open_at: OpenAt) -> None:
    """With PostgreSQL, a backup names the tool that makes it."""
    with fails("backup.by_server") as caught:
        open_at(postgres_address).backup("copy.dump")
    assert caught.value.hint.startswith("pg_dump ")


def test_server_is_away(away: tuple[PostgresServer, Store]) -> None:
    """While the server is away every verb says so with its address; when it is back, all goes on."""
    server, store = away
    store.posts.add([post("before")])
    server.stop()
    for verb in (
        lambda: store.posts.add([post("lost")]),
        store.listing.posts,
        lambda: claim_next(store, "w", LEASE_SECONDS, take()),
    ):
        with pytest.raises(DatabaseUnavailable, match=f"127.0.0.1:{server.port}"):
            verb()
    server.restart()
    assert (["before"], "before") == ([one.text for one in store.listing.posts()], claimed(store).post.text)


def test_server_crashes_during_a_claim(away: tuple[PostgresServer, Store], clock: FakeClock) -> None:
    """A server that crashes in the middle of a claim leaves the post as it was, to be claimed afterwards."""
    server, store = away
    store.posts.add([post()])

    def crash(*_: Any) -> Any:
        server.crash()
        return take()(*_)

    with pytest.raises(DatabaseUnavailable):
        claim_next(store, "w", LEASE_SECONDS, crash)
    server.restart()
    assert ("scheduled", 1) == (store.listing.posts()[0].state, claimed(store).post.attempts)


def test_restart_between_two_steps_goes_unnoticed(away: tuple[PostgresServer, Store]) -> None:
    """A server that was restarted while we did nothing costs no error."""
    server, store = away
    store.posts.add([post()])
    server.restart()
    assert 1 == len(store.listing.posts())


@pytest.mark.parametrize(
    "address",
    ["postgresql://user:{}@127.0.0.1:1/db", "postgresql://127.0.0.1:1/db?user=u&password={}", "postgresql://[{}"],
)
def test_password_is_never_shown(home: Path, address: str) -> None:
    """No message, hint or representation holds the password of an address that does not work."""
    with pytest.raises((DatabaseUnavailable, InputError)) as caught:
        open_store(address.format(SECRET), Vault(home, KEY))
    error = caught.value
    assert False is any(SECRET in text for text in (error.message, error.hint, repr(error), str(error.__cause__ or "")))


def test_driver_is_missing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, a PostgreSQL address says how to install the driver."""
    monkeypatch.setitem(__import__("sys").modules, "psycopg", None)
    with pytest.raises(MissingExtra) as caught:
        open_store("postgresql://127.0.0.1/db", Vault(home, KEY))
    assert ("[postgres]" in caught.value.hint, True) == (True, isinstance(caught.value, InputError))
