"""The store: everything that is kept, behind one class for both databases.

`open_store(database, vault)` gives a `Store`. Its verbs, each one transaction and each one safe to call from any
thread, are grouped in modules:

- `accounts.py`: sign_in, sign_out, remove_account, accounts, account, set_default_account, change_account,
  set_account_settings; and load, save, try_lease, release as `atproto.session.SessionStore` asks;
- `adding.py`: add, put_media;
- `claims.py`: claim, claim_post, add_and_claim, freeze, renew, settle, release_claim, next_ready_at, view.

What differs between the databases is in `sqlite.py`, `postgres.py` and `sql/`.
"""

from __future__ import annotations

from skywrite.clock import SYSTEM_CLOCK, Clock
from skywrite.queue.accounts import AccountVerbs
from skywrite.queue.claims import ClaimVerbs
from skywrite.queue.database import Database
from skywrite.queue.migrate import migrate
from skywrite.queue.vault import Vault


class Store(AccountVerbs, ClaimVerbs):
    """One database of accounts, posts, media and rules."""


def open_store(database: str, vault: Vault, clock: Clock = SYSTEM_CLOCK) -> Store:
    """Open the store at a path or a `postgresql://` address, making and migrating it as needed.

    Raises DatabaseUnavailable, DatabaseReadOnly, DatabaseCorrupt, DatabaseTooNew, DiskFull, DatabaseBusy, and
    MissingExtra for PostgreSQL without its driver.
    """
    opened = _database(database)
    migrate(opened, clock)
    return Store(opened, vault, clock)


def _database(address: str) -> Database:
    if address.startswith(("postgresql://", "postgres://")):
        from skywrite.queue.postgres import PostgresDatabase

        return PostgresDatabase(address)
    from skywrite.queue.sqlite import SqliteDatabase

    return SqliteDatabase(address)
