"""The store: everything that is persistent, behind one class for both databases.

`open_store(database, vault)` gives a `Store`; `PostStore` (`post_store.py`) is the part of it that posting needs. Its
operations, each one transaction and each one safe to call from any thread, are grouped in modules:

- `accounts.py`: sign_in, sign_out, remove_account, accounts, accounts_with, some_accounts, accounts_with_setting,
  leased_accounts, account, account_of_name, note_sign_in_name, note_session_end, set_default_account, change_account,
  set_account_settings; and load, load_oauth, load_any, unsealed, save, replace, try_lease, release,
  idle_sessions, ended_sessions for sessions;
- `secrets.py`: put_secret, secret, take_secret, prune_secrets;
- `adding.py`: add, known_keys, put_media;
- `listing.py`: posts, all_posts, drafts, history, all_finished, planned, count, queue_size;
- `posts.py`: get, occurrence_post, made_occurrences, attempts, same_text, waiting_with_text, same_texts, same_minute,
  due_times, due_before, edit, move, cancel, retry, hold, make_due_now, note_deleted, published_as, release_post;
- `claims.py`: claim_some, claim_post, add_and_claim, freeze, renew, settle, settle_some, release_claim,
  expire_lease, set_aside, next_ready_at, late_accounts, view;
- `clock_skew.py`: recover_clock_skew, recover_feed_clock_skew;
- `media.py`: media_info, media_of, read_media, put_upload, unneeded_bytes, uploads, uploads_by, drop_upload, prune;
- `recurrences.py`: add_recurrence, add_with_recurrences, add_occurrence, recurrence, recurrences,
  idle_recurrences, update_recurrence, replace_recurrence, remove_recurrence, set_slots, slots;
- `settings.py`: setting, settings, put_setting;
- `timers.py`: add_timer, timers, timer, remove_timer, move_timer, claim_timer, renew_timer, finish_timer,
  note_timer;
- `undo.py`: undo_last, note_final;
- `changes.py`: watch; `base.py`: protection, on_replaced; and here: backup, schema_version.

Each group depends on `base.StoreBase` only. Steps that several of them share are functions of a transaction:
`steps.py`, `changing.py`, `adding.py`, `settling.py`, `ledger.py`. What differs between the databases is in
`sqlite.py`, `postgres.py` and `sql/`.
"""

from __future__ import annotations

from os import PathLike, fspath

from skywrite.core.clock import SYSTEM_CLOCK, Clock
from skywrite.core.errors import InputError, StorageError
from skywrite.queue.listing import ListOperations
from skywrite.queue.post_store import PostStore, open_as
from skywrite.queue.recurrences import RecurrenceOperations
from skywrite.queue.secrets import SecretOperations
from skywrite.queue.settings import SettingOperations
from skywrite.queue.timers import TimerOperations
from skywrite.queue.undo import UndoOperations
from skywrite.queue.vault import Vault


class Store(
    PostStore,
    ListOperations,
    RecurrenceOperations,
    TimerOperations,
    SecretOperations,
    SettingOperations,
    UndoOperations,
):
    """One database of accounts, posts, media and recurrences."""

    def backup(self, path: str | PathLike[str]) -> None:
        """Write a consistent copy of the database while it is in use. Not with PostgreSQL.

        The copy does not contain the key. Raises InputError rather than replace a file.
        """
        target = fspath(path)
        try:
            self._database.backup(target)
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
        with self._reading() as tx:
            row = tx.row("schema_version")
        return int(row["version"]) if row is not None else 0


def open_store(database: str, vault: Vault, clock: Clock = SYSTEM_CLOCK) -> Store:
    """Open the store at a path or a `postgresql://` address; see `open_as`."""
    return open_as(Store, database, vault, clock)
