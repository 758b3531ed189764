"""Polling feeds: their items become posts.

What lives here: one poll, and the worker's task of doing several at a time. A poll has two steps, each of which may be
interrupted anywhere: the feed's items go into the ledger (one transaction), then waiting items are prepared and stored
as posts (one transaction for each item). The next poll finishes what was interrupted: the lease of a dead process
expires. What does not live here: adding and changing feeds (`feeds`), reading feeds and identifying items (`sources`),
the ledger (`queue.feeds`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.reports import FeedCheck
from skywrite.app.results import Ready
from skywrite.app.workers import is_gone
from skywrite.errors import ENDED, InputError, Notice, RejectedError, SkywriteError, StorageError, Unexpected
from skywrite.publish.log import Log, silent
from skywrite.publish.pool import Pool
from skywrite.queue import identities
from skywrite.queue.feed_model import FeedClaim, FeedItem
from skywrite.queue.feeds import FeedLeaseLost
from skywrite.queue.model import Account, NewPost, Problem, UnknownAccount

if TYPE_CHECKING:
    from skywrite.sources.feed_poll import PollAnswer

FEED_LEASE_SECONDS = 300.0
FEED_THREADS = 32
MOST_PER_CHECK = 5
TROUBLED_MAX = 10
GAP_SECONDS = 60


class FeedChecks:
    """Polls feeds. Safe to share between threads."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    def next_at(self) -> datetime | None:
        """When the next feed is due."""
        return self._ctx.store.next_feed_at()

    def claim(self, most: int) -> list[FeedClaim]:
        """Claim some of the feeds that are due."""
        return self._ctx.store.claim_feeds(self._ctx.worker_name, FEED_LEASE_SECONDS, most)

    def release(self, claim: FeedClaim) -> None:
        """Release a feed without polling it."""
        self._ctx.store.release_feed(claim)

    def free_dead(self) -> int:
        """Free feeds whose process (on this computer) is gone, or that wait for a time which only a clock that ran
        ahead can have set. Returns how many.
        """
        store, mine = self._ctx.store, self._ctx.worker_name
        owners = [owner for owner in store.feed_lease_owners() if owner != mine and is_gone(owner)]
        ahead = store.recover_feed_clock_skew(lease_seconds=FEED_LEASE_SECONDS)
        return ahead + sum(store.expire_feed_leases(owner) for owner in owners)

    def run(self, claim: FeedClaim) -> FeedCheck:
        """Poll a claimed feed, and release it. Errors of the feed become the poll's problem.

        After an error of our own, the feed stays claimed until its lease expires, so that it is not retried in a tight
        loop.
        """
        from skywrite.sources.feed_poll import poll_feed

        try:
            return self.take_in(claim, poll_feed(self._ctx.network.fetcher(), claim.feed))
        except FeedLeaseLost as error:
            return FeedCheck(claim.feed.id, problem=Problem.of(error))

    def take_in(self, claim: FeedClaim, answer: PollAnswer) -> FeedCheck:
        """Put a response into the ledger, then post what waits."""
        from skywrite.sources.feed_poll import make_poll

        ledger = self._ctx.store.known_items(claim.feed.id, answer.fingerprints) if answer.fingerprints else {}
        poll = make_poll(claim.feed, answer, ledger, now=self._ctx.clock.now(), random=self._ctx.clock.random())
        waiting = self._ctx.store.record_poll(claim, poll)
        posts, warnings, done = self._post_waiting(claim) if waiting else ([], [], 0)
        new = sum(item.state == "pending" for item in poll.items)
        left_out = [Notice("ItemsLeftOut", text, claim.feed.id) for text in answer.warnings]
        return FeedCheck(claim.feed.id, new, tuple(posts), waiting - done, poll.problem, (*left_out, *warnings))

    def _post_waiting(self, claim: FeedClaim) -> tuple[list[int], list[Notice], int]:
        """Make posts of the waiting items, and release the feed. Returns the posts, the warnings, and how many items
        are finished.
        """
        most = int(claim.feed.settings.get("most", MOST_PER_CHECK))
        posts: list[int] = []
        warnings: list[Notice] = []
        done = failed = 0
        for item in self._wanted(claim, self._ctx.store.pending_items(claim.feed.id, most + TROUBLED_MAX)):
            if done == most:
                break
            self._ctx.store.renew_feed(claim, FEED_LEASE_SECONDS)
            try:
                made, notes = self._post_item(claim, item)
            except (FeedLeaseLost, StorageError, *ENDED):
                raise
            except Exception as found:
                error = Unexpected.of(found)
                permanently = isinstance(error, InputError | RejectedError | Unexpected)
                self._ctx.store.fail_item(claim, item.id, Problem.of(error), permanently=permanently)
                failed += permanently
                warnings.append(Notice(error.name, error.about(f"Item {item.title!r}").message, item.title))
                continue
            done += 1
            posts += made
            warnings += notes
        self._ctx.store.release_feed(claim)
        return posts, warnings, done + failed

    def _wanted(self, claim: FeedClaim, items: list[FeedItem]) -> list[FeedItem]:
        """The items that match the feed's current filter, which may have been edited since they were found."""
        from skywrite.sources.feed_examine import judge

        settings = claim.feed.settings
        if not (settings.get("include") or settings.get("exclude")):
            return items
        kept = []
        for item, verdict in zip(items, judge([item.content or {} for item in items], settings), strict=True):
            if verdict.too_slow:
                self._ctx.store.fail_item(claim, item.id, Problem.of(verdict.too_slow), permanently=True)
            elif verdict.wanted:
                kept.append(item)
            else:
                self._ctx.store.filter_item(claim, item.id)
        return kept

    def _post_item(self, claim: FeedClaim, item: FeedItem) -> tuple[list[int], list[Notice]]:
        """Make the posts of one item, for every account, and mark it as queued, in one transaction."""
        new: list[NewPost] = []
        warnings: list[Notice] = []
        errors: list[SkywriteError] = []
        spacing = str(claim.feed.settings.get("spacing", "gap"))
        for did in claim.feed.account_dids:
            account = self._ctx.store.account(did)
            try:
                ready = self.ready(item.content or {}, claim.feed.settings, account)
            except InputError as error:
                errors.append(error.about(account.handle) if len(claim.feed.account_dids) > 1 else error)
                continue
            self._drafting.keep_media([ready])
            warnings += ready.warnings
            due_at = self._due_at(account, spacing)
            key = f"feed:{claim.feed.id}:{item.hash}:{account.did}"
            source, by_slot = f"feed:{claim.feed.id}", spacing == "slots"
            post = self._drafting.new_post(ready, due_at=due_at, key=key, source=source, exclusive_slot=by_slot)
            # If the item is found again, after a restore or on another computer, it becomes the same post.
            published_at = item.published_at or claim.feed.created_at
            new.append(post._replace(identity=identities.of_feed_item(claim.feed.url, item.hash, published_at)))
        if not new:
            raise errors[0] if errors else UnknownAccount("The feed no longer has an account.", hint="Add it anew.")
        problem = Problem.of(errors[0]) if errors else None
        results, _ = self._drafting.store_in_slots(
            new, lambda posts: self._ctx.store.queue_item(claim, item.id, posts, problem)
        )
        warnings += [Notice(error.name, error.message) for error in errors]
        return [result.id for result in results if not result.existed], warnings

    def item_row(self, content: Mapping[str, Any], settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """The draft of an item, made with the template of its feed."""
        from skywrite.sources.feed_poll import template_of
        from skywrite.sources.feed_post import draft_row

        shorten = bool(account.settings.get("shorten", True))
        return draft_row(content, template_of(settings), {"shorten": shorten, **settings})

    def ready(self, content: Mapping[str, Any], settings: Mapping[str, Any], account: Account) -> Ready:
        """The checked post of an item. Media that cannot be fetched, and pages that may not be opened, are left out one
        by one, with a warning.
        """
        from skywrite.sources.feed_post import spare_rows

        row = self.item_row(content, settings, account)
        failed: SkywriteError | None = None
        for candidate in (row, *spare_rows(row, content, settings)):
            ready: Ready | None = None
            try:
                ready = self._prepared(candidate, account)
            except SkywriteError as error:
                failed = failed or error
                ready = self._with_some_images(candidate, account)
            if ready is not None:
                if failed is not None:
                    text = f"Posted without some of its media: {failed.message}"
                    ready.warnings.append(Notice("PostedPlain", text))
                return ready
        assert failed is not None
        raise failed

    def _with_some_images(self, row: Mapping[str, Any], account: Account) -> Ready | None:
        """The post with the images that could be fetched, if that is at least one."""
        images = row.get("images", [])
        good = [image for image in images if self._is_usable(image, account)] if len(images) > 1 else []
        if not good or len(good) == len(images):
            return None
        try:
            return self._prepared({**row, "images": good}, account)
        except SkywriteError:
            return None

    def _is_usable(self, image: Mapping[str, Any], account: Account) -> bool:
        try:
            self._prepared({"text": "", "images": [image]}, account)
        except SkywriteError:
            return False
        return True

    def _prepared(self, row: Mapping[str, Any], account: Account) -> Ready:
        return self._drafting.prepare(self._drafting.draft(account, row), account)

    def _due_at(self, account: Account, spacing: str) -> datetime:
        """The next free slot, or the first time that keeps the account's gap to the waiting posts."""
        if spacing == "slots":
            return self._drafting.when(account, None)
        now = self._ctx.clock.now()
        gap = timedelta(seconds=int(account.settings.get("gap_seconds", GAP_SECONDS)))
        due_at = now
        for taken in self._ctx.store.due_times(account.did, now - gap, now + timedelta(days=60)):
            if taken - due_at >= gap:
                break
            if taken > due_at - gap:
                due_at = taken + gap
        return due_at


class FeedTask:
    """The worker's task (`publish.worker.Task`) of polling feeds, many at a time.

    Feeds that failed last time share a few of the threads, so that hanging ones do not hold up the others. With `wait`,
    `run` returns when all are done; without it, at once.
    """

    def __init__(
        self,
        checks: FeedChecks,
        *,
        threads: int = FEED_THREADS,
        stopping: threading.Event | None = None,
        log: Log = silent,
        wait: bool = True,
    ) -> None:
        self._checks = checks
        self._log = log
        self._wait = wait
        self._pool = Pool(threads, self._work, name="feed", rest_seconds=0)
        self._lock = threading.Lock()
        self._troubled_most = max(1, threads // 4)
        self._troubled_busy = 0
        self._later: deque[FeedClaim] = deque()
        self._errors: list[Exception] = []
        self.stopping = stopping or threading.Event()
        self.done: list[FeedCheck] = []

    def next_at(self) -> datetime | None:
        """When the next feed is due."""
        return self._checks.next_at()

    def run(self) -> None:
        """Poll every feed that is due."""
        self._checks.free_dead()
        self._pool.wake()
        if self._wait:
            self._pool.wait()
        if self._errors:
            error, self._errors = self._errors[0], []
            raise error

    def begin_to_end(self) -> list[threading.Thread]:
        """Start nothing new. Returns the threads that are still at work."""
        return self._pool.begin_to_close()

    def _work(self) -> None:
        try:
            while (claim := self._next()) is not None:
                self._pool.wake()
                try:
                    self._check(claim)
                finally:
                    self._done_with(claim)
        except Exception as error:
            self._errors.append(error)

    def _next(self) -> FeedClaim | None:
        """A feed to poll now. Only a few of those that failed last time run at once; the others wait for their turn."""
        while not self.stopping.is_set():
            with self._lock:
                if self._later and self._troubled_busy < self._troubled_most:
                    self._troubled_busy += 1
                    return self._later.popleft()
            claims = self._checks.claim(1)
            if not claims:
                return None
            if not claims[0].feed.failures:
                return claims[0]
            with self._lock:
                self._later.append(claims[0])
        with self._lock:
            while self._later:
                self._checks.release(self._later.popleft())
        return None

    def _done_with(self, claim: FeedClaim) -> None:
        with self._lock:
            self._troubled_busy -= bool(claim.feed.failures)

    def _checked(self, claim: FeedClaim) -> FeedCheck:
        """Poll a feed; whatever goes wrong becomes its problem, and does not stop the others."""
        try:
            return self._checks.run(claim)
        except StorageError:
            raise
        except Exception as error:
            if not isinstance(error, SkywriteError):
                self._log("unexpected", feed=claim.feed.id, error=error)
            return FeedCheck(claim.feed.id, problem=Problem.of(error))

    def _check(self, claim: FeedClaim) -> None:
        check = self._checked(claim)
        self.done.append(check)
        self._log(
            "feed",
            feed=check.feed_id,
            new=check.new,
            posts=len(check.posts),
            waiting=check.waiting,
            error=check.problem.name if check.problem else None,
            message=check.problem.message if check.problem else None,
        )
