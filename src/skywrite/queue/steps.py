"""Steps that several operations of the store share, inside a given transaction.

What lives here: locking accounts, working out when they are ready, and how a query gets many rows at once. What does
not: adding posts (`adding`), claiming and settling them (`claims`, `settling`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from skywrite.core.errors import SIGN_IN, NotFound
from skywrite.queue.database import Row, Transaction
from skywrite.queue.rows import dump_json


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
