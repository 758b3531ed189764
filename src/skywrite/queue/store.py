"""The store: everything that is persistent, behind one object for both databases.

What lives here: `Store`, which has a part for each kind of thing, and opening one (`open_store`). What does not: the
operations, which are methods of the parts, each one transaction and each one safe to call from any thread:

- `store.accounts` and `store.sessions` (`accounts.py`), `store.posts` (`posts.py`), `store.listing` (`listing.py`),
  `store.media` (`media.py`), and `store.claims` (`claims.py`): what posting needs;
- `store.recurrences` (`recurrences.py`), `store.timers` (`timers.py`), `store.journal` (`undo.py`),
  `store.settings` and `store.secrets` (`settings.py`), which load when they are first used.

Each part takes the store's transactions, vault and clock (`base.StoreBase`), and knows no other part. Steps that
several of them share are functions of a transaction: `base.py`, `changing.py`, `adding.py`, `settling.py`,
`ledger.py`. What differs between the databases is in `sqlite.py`, `postgres.py` and `sql/`.
"""

from __future__ import annotations

from functools import cached_property
from os import PathLike, fspath
from typing import TYPE_CHECKING

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import InputError, StorageError
from skywrite.queue.accounts import Accounts, Sessions
from skywrite.queue.base import StoreBase
from skywrite.queue.changes import ChangeListener
from skywrite.queue.claims import Claims
from skywrite.queue.database import Database
from skywrite.queue.media import Media
from skywrite.queue.migrate import migrate
from skywrite.queue.posts import Posts
from skywrite.queue.vault import Vault

if TYPE_CHECKING:
    from skywrite.queue.listing import Listing
    from skywrite.queue.recurrences import Recurrences
    from skywrite.queue.settings import Secrets, Settings
    from skywrite.queue.timers import Timers
    from skywrite.queue.undo import Journal


class Store(StoreBase):
    """One database of accounts, posts, media and recurrences."""

    def __init__(self, database: Database, vault: Vault, clock: Clock = SYSTEM_CLOCK) -> None:
        super().__init__(database, vault, clock)
        self.accounts = Accounts(self)
        self.sessions = Sessions(self)
        self.posts = Posts(self)
        self.media = Media(self)
        self.claims = Claims(self)

    @cached_property
    def listing(self) -> Listing:
        """Lists of posts."""
        from skywrite.queue.listing import Listing

        return Listing(self)

    @cached_property
    def recurrences(self) -> Recurrences:
        """Recurrences and weekly slots."""
        from skywrite.queue.recurrences import Recurrences

        return Recurrences(self)

    @cached_property
    def timers(self) -> Timers:
        """Commands and functions."""
        from skywrite.queue.timers import Timers

        return Timers(self)

    @cached_property
    def settings(self) -> Settings:
        """Settings of the whole queue."""
        from skywrite.queue.settings import Settings

        return Settings(self)

    @cached_property
    def secrets(self) -> Secrets:
        """Sealed texts besides the sessions."""
        from skywrite.queue.settings import Secrets

        return Secrets(self)

    @cached_property
    def journal(self) -> Journal:
        """What can be undone."""
        from skywrite.queue.undo import Journal

        return Journal(self)

    def watch(self) -> ChangeListener:
        """Listen for changes of the queue; one listener for each waiting thread. Close it, or use it in a `with`."""
        return ChangeListener(self)

    def backup(self, path: str | PathLike[str]) -> None:
        """Write a consistent copy of the database while it is in use. Not with PostgreSQL.

        The copy does not contain the key. Raises InputError rather than replace a file.
        """
        target = fspath(path)
        try:
            self.database.backup(target)
        except FileExistsError:
            raise InputError(
                f"The file {target} already exists.", code="backup.exists", hint="Choose another name."
            ) from None
        except OSError as error:
            raise StorageError(
                f"The backup {target} cannot be written: {error.strerror or error}.",
                code="backup.failed",
                hint="Check the path and the free space.",
            ) from error

    def schema_version(self) -> int:
        """The number of the last migration that was applied."""
        with self.reading() as tx:
            row = tx.row("schema_version")
        return int(row["version"]) if row is not None else 0


def open_store(address: str, vault: Vault, clock: Clock = SYSTEM_CLOCK) -> Store:
    """Open the database at a path or a `postgresql://` address, and create or migrate it as needed.

    Raises DatabaseUnavailable, StorageError, DiskFull, and MissingExtra for PostgreSQL without its driver.
    """
    opened = _database(address)
    opened.migrate = lambda: migrate(opened, clock)
    opened.migrate()
    return Store(opened, vault, clock)


def _database(address: str) -> Database:
    if address.startswith(("postgresql://", "postgres://")):
        from skywrite.queue.postgres import PostgresDatabase

        return PostgresDatabase(address)
    from skywrite.queue.sqlite import SqliteDatabase

    return SqliteDatabase(address)
