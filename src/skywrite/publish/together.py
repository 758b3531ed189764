"""Many threads, one write to the disk: concurrent settlements share one transaction.

What lives here: combining them. What does not: the transaction (`queue`), the outcome of an attempt (`publisher`).

Each transaction waits for the disk or for another process. Meanwhile other threads arrive, and the next one of them
settles for all that have arrived, with as many statements as for one. After a transaction that was shared, the next
thread waits some milliseconds for others: without that, every second transaction would be for one thread alone.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

from skywrite.errors import SkywriteError
from skywrite.queue.model import AccountChange, Claim, Outcome
from skywrite.queue.post_store import PostStore
from skywrite.queue.settling import Settlement

MOST = 64
GATHER_SECONDS = 0.004


@dataclass
class _Item:
    claim: Claim
    outcome: Outcome
    account: AccountChange | None
    settled: bool | None = None


class Settling:
    """`PostStore.settle` for concurrent threads. Each gets its own result, or its own error.

    `gather` waits for other threads to come.
    """

    def __init__(self, store: PostStore, gather: Callable[[], object] = lambda: None) -> None:
        self._store = store
        self._gather = gather
        self._shared = False
        self._turn = threading.Lock()
        self._gathering = threading.Lock()
        self._waiting: list[_Item] = []

    def settle(self, claim: Claim, outcome: Outcome, *, account: AccountChange | None = None) -> bool:
        """Settle this claim, together with those of waiting threads."""
        mine = _Item(claim, outcome, account)
        with self._gathering:
            self._waiting.append(mine)
        with self._turn:
            if mine.settled is None:
                self._settle_all(mine)
            if mine.settled is None:
                # Alone, or the shared transaction failed: then each claim is settled by itself, to find out which one
                # was wrong.
                mine.settled = self._store.settle(claim, outcome, account=account)
        return mine.settled

    def _settle_all(self, mine: _Item) -> None:
        if self._shared:
            self._gather()
        with self._gathering:
            others = [item for item in self._waiting if item is not mine]
            batch, self._waiting = [mine, *others[: MOST - 1]], others[MOST - 1 :]
        self._shared = len(batch) > 1
        if not self._shared:
            return
        try:
            answers = self._store.settle_some([Settlement(item.claim, item.outcome, item.account) for item in batch])
        except SkywriteError:
            return
        for item, settled in zip(batch, answers, strict=True):
            item.settled = settled
