"""Many threads, one write to the disk: what they want to settle at the same time is settled in one transaction.

What lives here: who does it for whom. What does not: the transaction (`queue`), what comes of an attempt (`publisher`).

A transaction waits for the disk, one after the other. While one thread does, others come to the same point; the next
one of them takes everything that has resolved along.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

from skywrite.errors import SkywriteError
from skywrite.queue.model import AccountChange, Claim, Outcome
from skywrite.queue.store import Store

MOST = 64


@dataclass
class _Item:
    claim: Claim
    outcome: Outcome
    account: AccountChange | None
    settled: bool | None = None


class Settling:
    """`Store.settle` for threads that come at the same time. Each gets its own answer, or its own error."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._turn = threading.Lock()
        self._gathering = threading.Lock()
        self._waiting: list[_Item] = []

    def settle(self, claim: Claim, outcome: Outcome, *, account: AccountChange | None = None) -> bool:
        """Settle this claim, with those of others who wait."""
        mine = _Item(claim, outcome, account)
        with self._gathering:
            self._waiting.append(mine)
        with self._turn:
            if mine.settled is None:
                self._settle_all(mine)
            if mine.settled is None:
                # Alone, or something went wrong with all of them: then each finds out for itself what it was.
                mine.settled = self._store.settle(claim, outcome, account=account)
        return mine.settled

    def _settle_all(self, mine: _Item) -> None:
        with self._gathering:
            others = [item for item in self._waiting if item is not mine]
            batch, self._waiting = [mine, *others[: MOST - 1]], others[MOST - 1 :]
        if len(batch) == 1:
            return
        try:
            answers = self._store.settle_some([(item.claim, item.outcome, item.account) for item in batch])
        except SkywriteError:
            return
        for item, settled in zip(batch, answers, strict=True):
            item.settled = settled
