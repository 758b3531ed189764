"""The worker's task of looking at feeds, several at a time.

What does not live here: what a look is (`feeds`).
"""

from __future__ import annotations

import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

from skywrite.errors import SkywriteError, StorageError
from skywrite.queue.feed_model import FeedClaim
from skywrite.queue.model import Problem

if TYPE_CHECKING:
    from skywrite.app.feeds import FeedCheck, Feeds

FEED_LEASE_SECONDS = 300.0
FEED_THREADS = 8
FEEDS_CLAIMED = 16


class FeedTask:
    """The worker's task of checking feeds, as `publish.worker.Task` asks, with several threads."""

    def __init__(
        self, sky: Feeds, *, threads: int = FEED_THREADS, stopping: threading.Event | None = None, log: Any = None
    ) -> None:
        self._sky = sky
        self._threads = threads
        self._log = log or (lambda event, **facts: None)
        self.stopping = stopping or threading.Event()
        self.checks: list[FeedCheck] = []

    def next_at(self) -> datetime | None:
        """When the next feed is due."""
        return self._sky.store.next_feed_at()

    def run(self) -> None:
        """Check every feed that is due."""
        self._sky.free_dead_feeds()
        claims = self._claim()
        if len(claims) < 2:
            for claim in claims:
                self._check(claim)
            return
        waiting = list(reversed(claims))
        lock = threading.Lock()
        errors: list[Exception] = []

        def work() -> None:
            try:
                while (claim := self._next(waiting, lock)) is not None:
                    self._check(claim)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=work, name=f"feed-{n}") for n in range(min(self._threads, len(claims)))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        if errors:
            raise errors[0]

    def _claim(self) -> list[FeedClaim]:
        return self._sky.store.claim_feeds(self._sky.worker_name, FEED_LEASE_SECONDS, FEEDS_CLAIMED)

    def _next(self, waiting: list[FeedClaim], lock: threading.Lock) -> FeedClaim | None:
        """A claim that nobody has begun with; when none is left, more are taken. Those of a stopped task go back."""
        with lock:
            if self.stopping.is_set():
                while waiting:
                    self._sky.store.release_feed(waiting.pop())
                return None
            if not waiting:
                waiting += reversed(self._claim())
            return waiting.pop() if waiting else None

    def _checked(self, claim: FeedClaim) -> FeedCheck:
        """Look at a feed; whatever goes wrong with it is told as its problem, and stops no other feed."""
        from skywrite.app.feeds import FeedCheck

        try:
            return self._sky.check_claimed(claim)
        except StorageError:
            raise
        except Exception as error:
            if not isinstance(error, SkywriteError):
                self._log("unexpected", feed=claim.feed.id, error=error)
            return FeedCheck(claim.feed.id, problem=Problem.of(error))

    def _check(self, claim: FeedClaim) -> None:
        check = self._checked(claim)
        self.checks.append(check)
        self._log(
            "feed",
            feed=check.feed_id,
            new=check.new,
            posts=len(check.posts),
            waiting=check.waiting,
            error=check.problem.name if check.problem else None,
            message=check.problem.message if check.problem else None,
        )
