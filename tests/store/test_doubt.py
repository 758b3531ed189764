"""A COMMIT whose answer is lost, transactions that the server gives up, and servers that take no writes."""

from __future__ import annotations

import sqlite3
import threading
from typing import Any

import psycopg
import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.database import CommitInDoubt, Connection, DatabaseConflict, DatabaseUnavailable
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stored import ALICE, BOB, OpenAt, later, post, session

HOLD = b"SELECT pg_advisory_xact_lock(1)"


def lost(store: Store) -> Exception:
    """What the driver raises when the connection breaks."""
    if store.dialect == "postgres":
        return psycopg.OperationalError("server closed the connection unexpectedly")
    error = sqlite3.OperationalError("disk I/O error")
    error.sqlite_errorname = "SQLITE_IOERR"
    return error


class Breaking:
    """Lets the answers to the next COMMITs get lost, carried out or not, and the database stay away afterwards."""

    def __init__(self, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
        self.next: list[bool] = []
        self.away = 0
        database, inner = store.database, store.database._commit

        class Answerless:
            def __init__(self, connection: Connection, carried_out: bool) -> None:
                self._connection = connection
                self._carried_out = carried_out

            def commit(self) -> None:
                if self._carried_out:
                    self._connection.commit()
                else:
                    self._connection.rollback()
                raise lost(store)

            def __getattr__(self, name: str) -> Any:
                return getattr(self._connection, name)

        def commit(connection: Connection, *, write: bool) -> None:
            if write and self.next:
                connection = Answerless(connection, self.next.pop(0))  # type: ignore[assignment]
            inner(connection, write=write)

        begin = database.begin

        def begin_or_not(connection: Connection, *, write: bool) -> None:
            if self.away and not self.next:
                self.away -= 1
                raise lost(store)
            begin(connection, write=write)

        monkeypatch.setattr(database, "_commit", commit)
        monkeypatch.setattr(database, "begin", begin_or_not)


@pytest.fixture
def breaking(store: Store, monkeypatch: pytest.MonkeyPatch) -> Breaking:
    """The store's connections, to be broken."""
    return Breaking(store, monkeypatch)


def test_a_commit_that_was_carried_out_is_found(store: Store, breaking: Breaking) -> None:
    """Nobody answered, so it is looked for: the post is there, and its number is the answer."""
    breaking.next = [True]
    assert [1] == [result.id for result in store.posts.add([post()])]
    assert ["Hello"] == [one.text for one in store.listing.posts()]


def test_a_commit_that_was_not_carried_out_says_so(store: Store, breaking: Breaking) -> None:
    """The transaction is over and nothing is there: it may be repeated, and is stored once then."""
    breaking.next = [False]
    with pytest.raises(DatabaseUnavailable, match="nothing was stored"):
        store.posts.add([post()])
    store.posts.add([post()])
    assert ["Hello"] == [one.text for one in store.listing.posts()]


@pytest.mark.parametrize("carried_out", [True, False])
def test_doubt_names_a_key_under_which_the_post_is_stored_once(
    store: Store, breaking: Breaking, carried_out: bool
) -> None:
    """The database stays away: the error says that it may be stored, and how to repeat it without a second post."""
    breaking.next, breaking.away = [carried_out], 100
    with pytest.raises(CommitInDoubt, match="may have been stored") as caught:
        store.posts.add([post()])
    breaking.away = 0
    key = caught.value.hint.rpartition(" ")[2]
    results = [store.posts.add([post(key=key)])[0] for _ in range(2)]
    assert ([carried_out, True], 1) == ([result.existed for result in results], len(store.listing.posts()))


def test_a_key_of_somebody_elses_post_is_a_key_like_others(store: Store) -> None:
    """A number alone finds nothing: the record key must be the post's, and the account, too."""
    store.posts.add([post()])
    root = store.posts.get(1).root_rkey
    results = [
        store.posts.add([post(key="accepted:1:2222222222222")])[0],
        store.posts.add([post(did=BOB, key=f"accepted:1:{root}")])[0],
        store.posts.add([post(key=f"accepted:1:{root}")])[0],
        store.posts.add([post(key="accepted:x:y")])[0],
    ]
    assert [False, False, True, False] == [result.existed for result in results]


def test_changes_in_doubt_say_so(store: Store, breaking: Breaking) -> None:
    """A move of which nobody knows whether it was made says so; it may be repeated without harm."""
    store.posts.add([post()])
    breaking.next = [True]
    with pytest.raises(CommitInDoubt, match="may have been stored"):
        store.posts.move(1, later(60))
    assert later(60) == store.posts.move(1, later(60)).due_at


@pytest.fixture
def server(postgres_address: str, open_at: OpenAt) -> Store:
    """A store on PostgreSQL with alice and bob."""
    store = open_at(postgres_address)
    store.accounts.sign_in(session())
    store.accounts.sign_in(session(BOB))
    return store


def test_a_deadlock_is_repeated(server: Store, postgres_address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server gives our transaction up for another program's sake; it is done again, and nobody notices."""
    begin, begun, results = server.database.begin, list[bool](), list[int]()
    holds, goes_on = threading.Event(), threading.Event()

    def begin_and_hold(connection: Connection, *, write: bool) -> None:
        begin(connection, write=write)
        begun.append(write)
        connection.execute(HOLD, ())
        holds.set()
        assert goes_on.wait(PATIENCE_SECONDS)

    def wait_for_the_store(other: Connection) -> None:
        other.execute(HOLD)
        other.commit()

    monkeypatch.setattr(server.database, "begin", begin_and_hold)
    with psycopg.connect(postgres_address) as other, psycopg.connect(postgres_address, autocommit=True) as watching:
        # Whoever begins to wait last and looks for a deadlock finds it: that is the store.
        other.execute("SET deadlock_timeout = '1h'")
        other.execute("SELECT 1 FROM account WHERE did = %s FOR UPDATE", (BOB,))
        adding = threading.Thread(
            target=lambda: results.extend(r.id for r in server.posts.add([post(), post(did=BOB)]))
        )
        adding.start()
        assert holds.wait(PATIENCE_SECONDS)
        waiting = threading.Thread(target=wait_for_the_store, args=(other,))
        waiting.start()
        while not watching.execute(b"SELECT 1 FROM pg_locks WHERE NOT granted").fetchone():
            pass
        goes_on.set()
        for thread in (waiting, adding):
            thread.join()
    assert ([True, True], 2, 2) == ([*begun], len(results), len(server.listing.posts()))


def test_a_conflict_that_comes_again_and_again_is_reported(server: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a few tries the error says that nothing was changed."""

    def begin(connection: Connection, *, write: bool) -> None:
        raise psycopg.errors.DeadlockDetected("deadlock detected")

    monkeypatch.setattr(server.database, "begin", begin)
    with pytest.raises(DatabaseConflict, match="rolled back a change") as caught:
        server.posts.add([post()])
    assert "Nothing was changed" in caught.value.hint


@pytest.mark.parametrize("level", ["serializable", "repeatable read"])
def test_the_databases_default_isolation_changes_nothing(postgres_address: str, open_at: OpenAt, level: str) -> None:
    """Our locks are made for READ COMMITTED, so that is what a transaction asks for: eight that add at once all do."""
    address = f"{postgres_address}%20-cdefault_transaction_isolation%3D{level.replace(' ', '%5C%20')}"
    store = open_at(address)
    store.accounts.sign_in(session())
    errors: list[Exception] = []

    def add(number: int) -> None:
        try:
            for turn in range(10):
                store.posts.add([post(f"{number}.{turn}", key=f"{number}.{turn}")])
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=add, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert ([], 80) == (errors, len(store.listing.posts(limit=100)))


def test_a_default_of_read_only_stands(postgres_address: str, open_at: OpenAt, clock: FakeClock) -> None:
    """An administrator who lets a database only be read is obeyed; reading goes on."""
    open_at(postgres_address).accounts.sign_in(session())
    store = open_at(f"{postgres_address}%20-cdefault_transaction_read_only%3Don")
    with fails("database.read_only"):
        store.posts.add([post()])
    assert [ALICE] == [account.did for account in store.accounts.all()]
