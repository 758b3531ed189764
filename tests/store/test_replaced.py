"""The database file is replaced, moved away or made read-only while somebody has it open."""

from __future__ import annotations

import itertools
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from skywrite.queue import sqlite_file
from skywrite.queue.database import Connection, DatabaseUnavailable
from skywrite.queue.schema import FIRST, Migration, migrations
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stored import ALICE, OpenAt, post, session


@pytest.fixture
def running(sqlite_address: str, open_at: OpenAt) -> Store:
    """A store that somebody has open, with one post."""
    store = open_at(sqlite_address)
    store.accounts.sign_in(session())
    store.posts.add([post("before")])
    return store


def another(home: Path, open_at: OpenAt, text: str) -> Path:
    """A database of its own with one post, closed."""
    home.mkdir(exist_ok=True)
    path = home / "another.db"
    store = open_at(str(path))
    store.accounts.sign_in(session())
    store.posts.add([post(text)])
    store.close()
    return path


def texts(store: Store) -> list[str]:
    """What waits."""
    return [one.text for one in store.listing.posts()]


def test_the_new_file_is_opened_and_reported(running: Store, home: Path, open_at: OpenAt) -> None:
    """Posts of the file that is at the place now are seen, with all that is stored from now on; who asks is told."""
    told: list[str] = []
    running.on_replaced(told.append)
    another(home, open_at, "restored").replace(running.place)
    assert ["restored"] == texts(running)
    running.posts.add([post("after")])
    assert (["restored", "after"], [running.place]) == (texts(open_at(running.place)), told)


def test_whoever_waits_is_woken(running: Store, home: Path, open_at: OpenAt) -> None:
    """A worker that waits for changes looks again."""
    with running.watch() as watch:
        watch.wait(0)
        another(home, open_at, "restored").replace(running.place)
        assert watch.wait(PATIENCE_SECONDS)
    assert ["restored"] == texts(running)


def test_the_log_of_the_old_file_does_not_get_into_the_new_one(running: Store, home: Path, open_at: OpenAt) -> None:
    """SQLite would read the log that lies beside the new file; what is in it is kept under another name."""
    log = Path(running.place + "-wal")
    assert log.stat().st_size > 0
    other = another(home, open_at, "restored")
    for number in range(50):
        running.posts.add([post(f"only in the log {number}")])
    other.replace(running.place)
    assert ["restored"] == texts(running)
    running.close()
    with closing(sqlite3.connect(running.place)) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
    assert log.with_name(log.name + ".replaced").stat().st_size > 0


def test_an_older_file_is_migrated(
    running: Store, home: Path, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup of an older release is brought up to date when it is put back."""
    more = home / "more.sql"
    more.write_text("CREATE TABLE more (id {id}){strict};")
    later = [*migrations("sqlite"), Migration(FIRST + 1, "more", more)]
    old = another(home, open_at, "restored")
    monkeypatch.setattr("skywrite.queue.migrate.migrations", lambda _: later)
    old.replace(running.place)
    assert (["restored"], FIRST + 1) == (texts(running), running.schema_version())


def test_a_file_from_before_the_first_release_is_refused(running: Store, home: Path, open_at: OpenAt) -> None:
    """Whoever puts one in the place of the database is told each time, until it is away."""
    whole = home / "whole.db"
    shutil.copy(another(home, open_at, "restored"), whole)
    old = home / "old.db"
    shutil.copy(whole, old)
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute(f"UPDATE schema_version SET version = {FIRST - 1}")
    old.replace(running.place)
    for _ in range(2):
        with fails("database.too_old", match="before the first release"):
            texts(running)
    whole.replace(running.place)
    assert ["restored"] == texts(running)


def test_a_file_that_is_gone_is_missed_not_made(running: Store, home: Path) -> None:
    """A database that is moved away is an error until it comes back: no empty one takes its place."""
    shutil.move(running.place, home / "moved.db")
    with pytest.raises(DatabaseUnavailable, match="moved away or deleted"):
        running.posts.add([post()])
    assert not Path(running.place).exists()
    shutil.move(home / "moved.db", running.place)
    assert ["before"] == texts(running)


def test_another_file_after_a_gap(running: Store, home: Path, open_at: OpenAt) -> None:
    """First the old file is moved away, then another one is put there: its log is put aside all the same."""
    other = another(home, open_at, "restored")
    shutil.move(running.place, home / "moved.db")
    with pytest.raises(DatabaseUnavailable):
        running.listing.posts()
    other.replace(running.place)
    assert ["restored"] == texts(running)


def test_a_file_that_is_no_database_is_reported_each_time(running: Store, home: Path, open_at: OpenAt) -> None:
    """What is put there by mistake is not written to; the right one is taken up when it comes."""
    good = another(home, open_at, "restored")
    junk = home / "junk"
    junk.write_bytes(b"this is a text file, long enough to be looked at" * 30)
    junk.replace(running.place)
    for _ in range(2):
        with fails("database.corrupt"):
            running.listing.posts()
    good.replace(running.place)
    assert ["restored"] == texts(running)


def test_a_log_that_belongs_to_the_new_file_stays(
    running: Store, home: Path, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The new file cannot be taken up at first: what others store in it meanwhile is not put aside with its log."""
    other = another(home, open_at, "restored")
    other.replace(running.place)
    told: list[str] = []

    def refuse(place: str) -> None:
        told.append(place)
        if len(told) < 3:
            raise DatabaseUnavailable("not yet")

    running.on_replaced(refuse)
    for _ in range(2):
        with pytest.raises(DatabaseUnavailable):
            running.listing.posts()
        open_at(running.place).posts.add([post("by a neighbour")])
    assert ["restored", "by a neighbour", "by a neighbour"] == texts(running)


@pytest.mark.skipif(not hasattr(os, "O_PATH"), reason="files cannot be held without their locks on this system")
def test_file_systems_that_number_files_anew(running: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network file systems give a file another number each time: it is the same file all the same."""
    told: list[str] = []
    running.on_replaced(told.append)
    numbers = itertools.count(1)
    current = next(numbers)
    monkeypatch.setattr(sqlite_file, "identity_of", lambda status: (0, current + status.st_ino))
    for _ in range(3):
        current = next(numbers) * 1_000_000_000
        running.posts.add([post("more")])
    assert ([], 4) == (told, len(texts(running)))


@pytest.fixture
def read_only_disk(running: Store, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The same database on a file system that takes no writes, as the system calls would say it."""
    place = running.place
    running.close()
    status = os.statvfs(place)

    class ReadOnly:
        f_flag = status.f_flag | os.ST_RDONLY

    monkeypatch.setattr(os, "statvfs", lambda path: ReadOnly)
    return running


def test_a_read_only_file_system_can_be_read(read_only_disk: Store, open_at: OpenAt) -> None:
    """Neither a log nor a lock file can be made there, and none is needed; a change says what is wrong."""
    before = sorted(path.name for path in Path(read_only_disk.place).parent.iterdir())
    store = open_at(read_only_disk.place)
    assert (["before"], [ALICE]) == (texts(store), [account.did for account in store.accounts.all()])
    with fails("database.read_only"):
        store.posts.add([post()])
    assert before == sorted(path.name for path in Path(read_only_disk.place).parent.iterdir())


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lists the files that a process has open")
def test_nothing_of_the_old_file_stays_open(running: Store, home: Path, open_at: OpenAt) -> None:
    """Its connections are closed, however many were in use at once: else its room on the disk would never be free."""
    with running.reading(), running.reading():
        pass
    another(home, open_at, "restored").replace(running.place)
    # A worker that waits for changes is the first to notice.
    running.database.detector().close()
    assert ["restored"] == texts(running)
    opened = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert [] == [path for path in opened if path.startswith(f"{running.place} (deleted)")]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="only Linux lists the files that a process has open")
def test_who_watches_keeps_nothing_of_the_old_file(
    running: Store, home: Path, open_at: OpenAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the file is replaced again in the moment in which its changes begin to be watched."""
    with running.watch() as watch:
        watch.wait(0)
        for name in ("first", "second"):
            another(home / name, open_at, "restored").replace(running.place)
            assert watch.wait(PATIENCE_SECONDS)
        connect = running.database.connect

        def late() -> Connection:
            connection = connect()
            another(home / "late", open_at, "restored").replace(running.place)
            return connection

        watch._forget()
        monkeypatch.setattr(running.database, "connect", late)
        watch.wait(0)
        monkeypatch.undo()
        assert watch.wait(PATIENCE_SECONDS)
        opened = [str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        assert [] == [path for path in opened if path.startswith(f"{running.place} (deleted)")]
