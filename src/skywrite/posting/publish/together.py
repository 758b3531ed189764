"""Many threads, one write to the disk: concurrent claims share one transaction, and so do concurrent settlements.

What lives here: combining them, and when it pays to wait for others. What does not: the transactions (`queue`), the
choice of what to claim (`worker`), the outcome of an attempt (`publisher`).

Each transaction waits for the disk or for another process. Meanwhile other threads arrive, and the next one of them
acts for all that have arrived, with as many statements as for one. When several threads are busy, a settlement waits
some milliseconds until half of them have come. Threads whose settlements shared a transaction claim together, too.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from skywrite.core.errors import SkywriteError
from skywrite.queue.model import AccountChange, Claim, Outcome
from skywrite.queue.settling import Settlement
from skywrite.queue.store import Store

MOST = 64
GATHER_SECONDS = 0.01
# A settlement waits until half of the threads have come: the others keep the servers busy meanwhile.
SHARE = 2


class Claiming:
    """One claim for all threads that ask at the same time. `claim(count)` claims for so many, in one transaction."""

    def __init__(self, claim: Callable[[int], list[Claim]]) -> None:
        self._claim = claim
        self._turn = threading.Lock()
        self._news = threading.Condition()
        self._asking = 0
        self._expected = 0
        self._claimed: deque[Claim] = deque()

    def expect(self, threads: int) -> None:
        """So many threads, the caller among them, will ask soon: whoever is first waits for them for a moment."""
        with self._news:
            self._expected += threads

    def next(self) -> Claim | None:
        """A claim for the calling thread; None if there is nothing to claim."""
        with self._news:
            self._asking += 1
            self._expected = max(0, self._expected - 1)
            self._news.notify()
        with self._turn:
            with self._news:
                if not self._claimed:
                    self._news.wait_for(lambda: not self._expected, GATHER_SECONDS)
                    # Those that did not come are not waited for again.
                    self._expected = 0
                self._asking -= 1
                threads = 1 + self._asking
            if not self._claimed:
                self._claimed.extend(self._claim(threads))
            return self._claimed.popleft() if self._claimed else None


@dataclass
class _Item:
    claim: Claim
    outcome: Outcome
    account: AccountChange | None
    settled: bool | None = None


class Settling:
    """`Store.settle` for concurrent threads. Each gets its own result, or its own error.

    `busy()` says how many threads are at work; `done(count)` is called when so many claims were settled in one
    transaction.
    """

    def __init__(
        self, store: Store, busy: Callable[[], int] = lambda: 1, done: Callable[[int], object] = lambda count: None
    ) -> None:
        self._store = store
        self._busy = busy
        self._done = done
        self._turn = threading.Lock()
        self._news = threading.Condition()
        self._waiting: list[_Item] = []

    def settle(self, claim: Claim, outcome: Outcome, *, account: AccountChange | None = None) -> bool:
        """Settle this claim, together with those of waiting threads."""
        mine = _Item(claim, outcome, account)
        with self._news:
            self._waiting.append(mine)
            self._news.notify()
        with self._turn:
            if mine.settled is None:
                self._settle_all(mine)
            if mine.settled is None:
                # Alone, or the shared transaction failed: then each claim is settled by itself, to find out which one
                # was wrong.
                mine.settled = self._store.claims.settle(claim, outcome, account=account)
        return mine.settled

    def _settle_all(self, mine: _Item) -> None:
        with self._news:
            self._news.wait_for(lambda: len(self._waiting) * SHARE >= self._busy(), GATHER_SECONDS)
            others = [item for item in self._waiting if item is not mine]
            batch, self._waiting = [mine, *others[: MOST - 1]], others[MOST - 1 :]
        if len(batch) == 1:
            return
        try:
            answers = self._store.claims.settle_some(
                [Settlement(item.claim, item.outcome, item.account) for item in batch]
            )
        except SkywriteError:
            return
        for item, settled in zip(batch, answers, strict=True):
            item.settled = settled
        self._done(len(batch))
