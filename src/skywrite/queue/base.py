"""What the parts of a store share: the database, the vault, the clock, waking threads that wait for changes, and steps
inside a given transaction.

What lives here: locking accounts, working out when they are ready, and how a query gets many rows at once. What does
not: adding posts (`adding`), claiming and settling them (`claims`, `settling`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import wraps
from typing import ParamSpec, Protocol, TypeVar, cast

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import SIGN_IN, Do, Hint, NotFound, StorageError
from skywrite.queue.database import (
    Accepted,
    CommitInDoubt,
    Database,
    DatabaseConflict,
    DatabaseUnavailable,
    Protection,
    Row,
    Transaction,
)
from skywrite.queue.rows import dump_json
from skywrite.queue.vault import Vault

# Identifies a post without a key after a commit in doubt: its number and its root's record key.
ACCEPTED_KEY = "accepted:"
CONFLICT_TRIES = 5
CONFLICT_WAIT_SECONDS = 0.1
DOUBT_WAITS_SECONDS = (0.0, 0.5, 2.0, 5.0)


P = ParamSpec("P")
T = TypeVar("T")


class _Part(Protocol):
    """A part of a store, whose methods are operations."""

    _store: StoreBase


def repeated(operation: Callable[P, T]) -> Callable[P, T]:
    """Retry an operation whose transaction the database rolled back because of a conflict."""

    @wraps(operation)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        return cast(_Part, args[0])._store.repeat(lambda: operation(*args, **kwargs))

    return run


class StoreBase:
    """An open database with its vault and its clock, and the transactions on it."""

    def __init__(self, database: Database, vault: Vault, clock: Clock = SYSTEM_CLOCK) -> None:
        self.database = database
        self.vault = vault
        self.clock = clock

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.database.place!r})"

    @property
    def place(self) -> str:
        """The file, or the server without its password."""
        return self.database.place

    @property
    def dialect(self) -> str:
        """ "sqlite" or "postgres"."""
        return self.database.dialect

    def on_replaced(self, call: Callable[[str], None]) -> None:
        """Call this with the place when the database file was replaced by another, which is used from then on."""
        self.database.on_replaced = call

    def protection(self) -> Protection | None:
        """How the connection to the database's server is protected; None for a file."""
        with self.reading() as tx:
            return self.database.protection(tx._connection)

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    @contextmanager
    def reading(self) -> Iterator[Transaction]:
        """A transaction that only reads."""
        with self.database.transaction(write=False) as tx:
            yield tx

    @contextmanager
    def writing(self, *, wake: bool = True, first: bool = False) -> Iterator[Transaction]:
        """A writing transaction. After its commit, threads that watch the queue are woken (`wake`).

        `first`: it is about a post that is due, and goes before what other threads have to write.
        """
        wake = wake and not self.database.joint.is_open
        with self.database.transaction(write=True, first=first) as tx:
            yield tx
            if wake:
                self.database.announce(tx)
        if wake:
            for event in tuple(self.database.watching):
                event.set()

    def repeat(self, change: Callable[[], T]) -> T:
        """Retry a change whose transaction the database rolled back because of a conflict."""
        if self.database.joint.is_open:
            # The whole of it was rolled back, and is repeated.
            return change()
        for _ in range(CONFLICT_TRIES - 1):
            try:
                return change()
            except DatabaseConflict:
                self.clock.wait(threading.Event(), CONFLICT_WAIT_SECONDS * self.clock.random())
        return change()

    def at_once(self, change: Callable[[], T], *, accounts: Iterable[str] = ()) -> T:
        """What `change` does in this thread is one transaction: all of it is stored when it returns, or nothing.

        After a conflict it is called again. It waits for nothing but the database. `accounts`: those whose posts it
        changes, which are locked first.
        """
        dids = sorted(set(accounts))

        def whole() -> T:
            with self.writing() as tx, self.database.joint.opened(tx, tx._connection):
                lock_all(tx, dids)
                return change()

        return self.repeat(whole)

    @contextmanager
    def accepting(self) -> Iterator[Transaction]:
        """A writing transaction that stores posts. If its COMMIT gets no response, this checks what was stored."""
        accepted: Accepted | None = None
        try:
            with self.writing() as tx:
                yield tx
                accepted = tx.accepted
        except CommitInDoubt as doubt:
            self._settle_doubt(accepted, doubt)

    def _settle_doubt(self, accepted: Accepted | None, doubt: CommitInDoubt) -> None:
        """Return if the posts are stored; raise if they are not, or if that cannot be found out."""
        if accepted is None:
            raise doubt
        for seconds in DOUBT_WAITS_SECONDS:
            self.clock.wait(threading.Event(), seconds)
            try:
                if self._is_stored(accepted):
                    return
            except StorageError:
                continue
            raise DatabaseUnavailable(f"{self.database.broke}: nothing was stored.", hint="Try again.") from doubt
        if accepted.posts == 1:
            key = f"{ACCEPTED_KEY}{accepted.id}:{accepted.root_rkey}"
            doubt.hint = Hint(
                "Repeat it with this key, so that it is not stored twice: ", Do("argument", "key"), f" {key}"
            )
        raise doubt

    def _is_stored(self, post: Accepted) -> bool:
        with self.writing(wake=False) as tx:
            # Once we hold the account's lock, the other transaction has ended: what is not stored now never will be.
            if tx.row("lock_account", did=post.account_did) is None:
                return False
            values = {"id": post.id, "account_did": post.account_did, "root_rkey": post.root_rkey}
            return tx.row("post_accepted_as", **values) is not None


def items_of(rows: Iterable[Mapping[str, object]]) -> str:
    """Rows as a query takes them in `json_each(:items)`: one statement for all of them."""
    return dump_json(list(rows))


def items_of_dids(dids: Iterable[str]) -> str:
    """Accounts as a query takes them in `json_each(:items)`."""
    return items_of({"did": did} for did in dids)


def locked(tx: Transaction, did: str) -> Row:
    """The account's row, locked until the transaction ends.

    Every transaction that changes an account's posts starts here, so that `ready_at` is computed from all of them.
    Transactions on several accounts lock them in the order of their DIDs.
    """
    row = tx.row("lock_account", did=did)
    if row is None:
        raise _unknown(did)
    return row


def lock_all(tx: Transaction, dids: Iterable[str]) -> None:
    """`locked` for several accounts, in one statement."""
    wanted = set(dids)
    missing = wanted - {row["did"] for row in tx.rows("lock_accounts", items=items_of_dids(sorted(wanted)))}
    if missing:
        raise _unknown(min(missing))


def update_ready(tx: Transaction, *dids: str, after: datetime | None = None) -> None:
    """Work out anew when accounts may be taken, no earlier than `after`."""
    tx.run("update_ready", items=items_of_dids(dids), after=after)


def _unknown(did: str) -> NotFound:
    return NotFound(f"The account {did} is not known here.", code="account.unknown", hint=SIGN_IN)
