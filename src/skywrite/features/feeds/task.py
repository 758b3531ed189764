"""Polling feeds: their items become posts.

What lives here: one poll, and the worker's work of polling those that are due. A poll has two steps, each of which may
be interrupted anywhere: the feed's items go into the ledger (one transaction), then waiting items are prepared and
stored as posts (one transaction for each item). The next poll finishes what was interrupted: the lease of a dead
process ends. What does not live here: adding and changing feeds (`feeds`), reading feeds and identifying items
(`sources`), the ledger (`store`).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from skywrite.app.context import Context
from skywrite.app.drafting import Drafting
from skywrite.app.results import Ready
from skywrite.app.work import WorkParts
from skywrite.core.errors import (
    ENDED,
    InputError,
    NoAnswer,
    NotFound,
    Notice,
    RejectedError,
    SkywriteError,
    StorageError,
    Unexpected,
)
from skywrite.features.feeds.model import FeedCheck, FeedClaim, FeedItem
from skywrite.features.feeds.store import FeedStore
from skywrite.posting.publish.log import Log, silent
from skywrite.posting.publish.rounds import Turn
from skywrite.queue import identities
from skywrite.queue.model import Account, LeaseLost, NewPost, Problem, facts_of

if TYPE_CHECKING:
    from skywrite.features.feeds.reading.poll import PollAnswer

FEED_LEASE_SECONDS = 300.0
MOST_PER_CHECK = 5
TROUBLED_MAX = 10
GAP_SECONDS = 60
# The name of what a server did that answered late, badly or not at all.
UNANSWERED = "FetchFailed"


class FeedChecks:
    """Polls feeds. Safe to share between threads."""

    def __init__(self, ctx: Context, drafting: Drafting) -> None:
        self._ctx = ctx
        self._drafting = drafting

    def next_at(self) -> datetime | None:
        """When the next feed is due."""
        return self._stored.next_feed_at()

    def due(self) -> list[tuple[int, str]]:
        """The feeds that are due, and their addresses."""
        return self._stored.due_feeds()

    def claim(self, feed_id: int) -> FeedClaim | None:
        """Claim a feed, if it is still due."""
        return self._stored.claim_due_feed(feed_id, self._ctx.worker_name, FEED_LEASE_SECONDS)

    def release(self, claim: FeedClaim) -> None:
        """Release a feed: it is still due."""
        self._stored.release_feed(claim)

    def run(self, claim: FeedClaim) -> FeedCheck:
        """Poll a claimed feed, and release it. Errors of the feed become the poll's problem.

        After an error of our own, the feed stays claimed until its lease expires, so that it is not retried in a tight
        loop.
        """
        from skywrite.features.feeds.reading.poll import poll_feed

        try:
            return self.take_in(claim, poll_feed(self._ctx.network.fetcher(), claim.feed))
        except LeaseLost as error:
            return FeedCheck(claim.feed.id, problem=Problem.of(error))

    def take_in(self, claim: FeedClaim, answer: PollAnswer) -> FeedCheck:
        """Put a response into the ledger, then post what waits."""
        from skywrite.features.feeds.reading.poll import make_poll

        ledger = self._stored.known_items(claim.feed.id, answer.fingerprints) if answer.fingerprints else {}
        poll = make_poll(claim.feed, answer, ledger, now=self._ctx.clock.now(), random=self._ctx.clock.random())
        waiting = self._stored.record_poll(claim, poll)
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
        for item in self._wanted(claim, self._stored.pending_items(claim.feed.id, most + TROUBLED_MAX)):
            if done == most:
                break
            self._stored.renew_feed(claim, FEED_LEASE_SECONDS)
            try:
                post_ids, notes = self._post_item(claim, item)
            except (LeaseLost, StorageError, *ENDED):
                raise
            except Exception as exception:
                error = Unexpected.of(exception)
                permanently = isinstance(error, InputError | RejectedError | Unexpected)
                self._stored.fail_item(claim, item.id, Problem.of(error), permanently=permanently)
                failed += permanently
                warnings.append(Notice(error.code, error.about(f"Item {item.title!r}").message, item.title))
                continue
            done += 1
            posts += post_ids
            warnings += notes
        self._stored.release_feed(claim)
        return posts, warnings, done + failed

    def _wanted(self, claim: FeedClaim, items: list[FeedItem]) -> list[FeedItem]:
        """The items that match the feed's current filter, which may have been edited since they were found."""
        from skywrite.features.feeds.reading.examine import judge

        settings = claim.feed.settings
        if not (settings.get("include") or settings.get("exclude")):
            return items
        kept = []
        for item, verdict in zip(items, judge([item.content or {} for item in items], settings), strict=True):
            if verdict.too_slow:
                self._stored.fail_item(claim, item.id, Problem.of(verdict.too_slow), permanently=True)
            elif verdict.wanted:
                kept.append(item)
            else:
                self._stored.filter_item(claim, item.id)
        return kept

    def _post_item(self, claim: FeedClaim, item: FeedItem) -> tuple[list[int], list[Notice]]:
        """Make the posts of one item, for every account, and mark it as queued, in one transaction."""
        new: list[NewPost] = []
        warnings: list[Notice] = []
        errors: list[SkywriteError] = []
        spacing = str(claim.feed.settings.get("spacing", "gap"))
        for did in claim.feed.account_dids:
            account = self._ctx.store.accounts.get(did)
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
            new.append(post._replace(identity=identities.of_feed_item(claim.feed.added_url, item.hash)))
        if not new:
            raise (
                errors[0]
                if errors
                else NotFound("The feed no longer has an account.", code="account.unknown", hint="Add the feed again.")
            )
        problem = Problem.of(errors[0]) if errors else None
        results, _ = self._drafting.store_in_slots(
            new, lambda posts: self._stored.queue_item(claim, item.id, posts, problem)
        )
        warnings += [Notice(error.code, error.message) for error in errors]
        return [result.id for result in results if not result.existed], warnings

    def item_row(self, content: Mapping[str, Any], settings: Mapping[str, Any], account: Account) -> dict[str, Any]:
        """The draft of an item, made with the template of its feed."""
        from skywrite.features.feeds.reading.poll import template_of
        from skywrite.features.feeds.reading.post import draft_row

        shorten = bool(account.settings.get("shorten", True))
        return draft_row(content, template_of(settings), {"shorten": shorten, **settings})

    def ready(self, content: Mapping[str, Any], settings: Mapping[str, Any], account: Account) -> Ready:
        """The checked post of an item. Media that cannot be fetched, and pages that may not be opened, are left out one
        by one, with a warning.
        """
        from skywrite.features.feeds.reading.post import spare_rows

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
        for taken in self._ctx.store.posts.due_times(account.did, now - gap, now + timedelta(days=60)):
            if taken - due_at >= gap:
                break
            if taken > due_at - gap:
                due_at = taken + gap
        return due_at

    @property
    def _stored(self) -> FeedStore:
        return FeedStore(self._ctx.store)


class FeedTask:
    """The worker's work (`publish.rounds.Work`) of polling feeds. `done`: the polls, in the order of their ends."""

    kind = "feeds"

    def __init__(self, checks: FeedChecks, log: Log = silent) -> None:
        self._checks = checks
        self._log = log
        self.done: list[FeedCheck] = []

    @property
    def made(self) -> int:
        """How many polls there were; each may have made posts."""
        return len(self.done)

    def next_at(self) -> datetime | None:
        """When the next feed is due."""
        return self._checks.next_at()

    def due(self) -> list[Turn]:
        """The feeds that are due."""
        return [Turn(str(number), urlsplit(url).netloc, number) for number, url in self._checks.due()]

    def take(self, turn: Turn) -> SkywriteError | None:
        """Poll a feed; whatever goes wrong becomes its problem. One whose poll is ended is still due."""
        claim = self._checks.claim(turn.what)
        if claim is None:
            return None
        try:
            check = self._checks.run(claim)
        except StorageError:
            raise
        except ENDED as error:
            self._checks.release(claim)
            return error
        except Exception as error:
            if not isinstance(error, SkywriteError):
                self._log("unexpected", feed=claim.feed.id, error=error)
            check = FeedCheck(claim.feed.id, problem=Problem.of(error))
        self._note(check)
        return NoAnswer(check.problem.message) if check.problem and check.problem.name == UNANSWERED else None

    def _note(self, check: FeedCheck) -> None:
        self.done.append(check)
        self._log(
            "feed",
            feed=check.feed_id,
            new=check.new,
            posts=len(check.posts),
            waiting=check.waiting,
            **facts_of(check.problem),
        )


def works(parts: WorkParts) -> FeedTask:
    """The work of a worker."""
    return FeedTask(FeedChecks(parts.context, parts.drafting), parts.log)


def recover_clock_skew(ctx: Context) -> int:
    """Free feeds that wait for a time which only a clock that ran ahead can have set. Returns how many."""
    return FeedStore(ctx.store).recover_clock_skew(lease_seconds=FEED_LEASE_SECONDS)


def is_read(ctx: Context, feed_id: int) -> bool:
    """Whether a feed that failed is read again, or is gone."""
    try:
        feed = FeedStore(ctx.store).feed(feed_id)
    except InputError:
        return True
    return feed.failures == 0 and feed.state == "active"
