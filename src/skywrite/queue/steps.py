"""Steps that several operations of the store share, inside a given transaction.

What lives here: locking an account, and reading and changing one of its posts. What does not: adding posts (`adding`).
"""

from __future__ import annotations

from datetime import datetime

from skywrite.errors import SIGN_IN
from skywrite.queue.database import Row, Transaction
from skywrite.queue.model import UnknownAccount


def locked(tx: Transaction, did: str) -> Row:
    """The account's row, locked until the transaction ends.

    Every transaction that changes an account's posts starts here, so that `ready_at` is computed from all of them.
    Transactions on several accounts lock them in the order of their DIDs.
    """
    row = tx.row("lock_account", did=did)
    if row is None:
        raise UnknownAccount(f"The account {did} is not known here.", hint=SIGN_IN)
    return row


def update_ready(tx: Transaction, did: str, *, after: datetime | None = None) -> None:
    """Recompute when an account may be claimed, no earlier than `after`."""
    tx.run("update_ready", did=did)
    if after is not None:
        tx.run("postpone_account", did=did, until=after)
