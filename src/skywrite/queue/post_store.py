"""The part of the store that posting needs, so that a process that posts and exits does not load the rest (`store`).

What lives here: `PostStore`, with the operations of `accounts.py`, `adding.py`, `claims.py`, `clock_skew.py`,
`posts.py`, `media.py` and `changes.py`; and opening a database. What does not: what else a store has (`store.py`).
"""

from __future__ import annotations

from typing import TypeVar

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.queue.accounts import AccountOperations
from skywrite.queue.adding import AddOperations
from skywrite.queue.base import StoreBase
from skywrite.queue.changes import ChangeOperations
from skywrite.queue.claims import ClaimOperations
from skywrite.queue.clock_skew import ClockSkewOperations
from skywrite.queue.database import Database
from skywrite.queue.media import MediaOperations
from skywrite.queue.migrate import migrate
from skywrite.queue.posts import PostOperations
from skywrite.queue.vault import Vault

AnyStore = TypeVar("AnyStore", bound=StoreBase)


class PostStore(
    AccountOperations,
    AddOperations,
    ClaimOperations,
    ClockSkewOperations,
    PostOperations,
    MediaOperations,
    ChangeOperations,
):
    """Accounts, posts and media of one database."""


def open_as(kind: type[AnyStore], database: str, vault: Vault, clock: Clock = SYSTEM_CLOCK) -> AnyStore:
    """Open the database at a path or a `postgresql://` address, and create or migrate it as needed.

    Raises DatabaseUnavailable, StorageError, DiskFull, and MissingExtra for PostgreSQL without its driver.
    """
    opened = _database(database)
    opened.migrate = lambda: migrate(opened, clock)
    opened.migrate()
    return kind(opened, vault, clock)


def _database(address: str) -> Database:
    if address.startswith(("postgresql://", "postgres://")):
        from skywrite.queue.postgres import PostgresDatabase

        return PostgresDatabase(address)
    from skywrite.queue.sqlite import SqliteDatabase

    return SqliteDatabase(address)
