"""Feeds and the ledger of their items.

What lives here: the lease of a feed, its fencing token, and the two transactions that make each item a post once: a
poll enters new items into the ledger, and `queue_item` stores an item's posts and marks it as finished, together. What
does not: reading feeds, and which items are the same (`sources`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from typing import Any, cast

from skywrite.core.digits import row_number
from skywrite.core.errors import Conflict, Do, Hint, InputError, NotFound
from skywrite.core.shown import named
from skywrite.features.feeds.model import (
    Feed,
    FeedClaim,
    FeedItem,
    ItemState,
    ItemUpdate,
    KnownItem,
    NewFeed,
    NewItem,
    Poll,
)
from skywrite.queue.adding import add_posts
from skywrite.queue.authors import current_agent, written_for
from skywrite.queue.base import StoreBase, locked
from skywrite.queue.database import Row, Transaction, time_of
from skywrite.queue.events import note_event
from skywrite.queue.leases import SKEW
from skywrite.queue.model import AddResult, LeaseLost, NewPost, Problem
from skywrite.queue.reading import SET_ASIDE, UnreadableRow, count_of, json_of, mended, readable, reads
from skywrite.queue.rows import dump_json, problem_of, problem_values

FINGERPRINTS_ASKED_MAX = 10_000
# A single failed poll means little; from the third in a row on, somebody should know.
FAILING_POLLS = 3
# The agent that added a feed or changed it, by the feed's number: it decides what the posts say, like their author.


def everything(account_dids: Sequence[str]) -> bool:
    """Every feed is there, whatever its accounts."""
    return True


class FeedStore:
    """Operations on feeds."""

    def __init__(self, store: StoreBase) -> None:
        self._store = store

    def add_feed(
        self, new: NewFeed, worker: str, lease_seconds: float, covers: Callable[[Sequence[str]], bool] = everything
    ) -> FeedClaim:
        """Store a feed and claim it for its first poll. Raises Conflict, NotFound.

        `covers`: whether the caller may know of a feed with these accounts; others are as if they were not there.
        """
        with self._store.writing(wake=False) as tx:
            # Before the accounts, as when an item is queued: another order could deadlock.
            tx.run("lock_feeds")
            there = [feed for feed in _feeds_with(tx, new.url) if covers(feed.account_dids)]
            if there:
                number = there[0].id
                raise Conflict(
                    f"{new.url} is feed {number} already.",
                    code="feed.exists",
                    hint=Hint("To start over: ", Do("feeds.remove", number)),
                )
            for did in sorted(set(new.account_dids)):
                locked(tx, did)
            now = self._store.clock.now()
            row = tx.row(
                "insert_feed",
                url=new.url,
                title=new.title,
                settings=dump_json(new.settings),
                now=now,
                until=now + timedelta(seconds=lease_seconds),
                worker=worker,
            )
            assert row is not None
            for position, did in enumerate(dict.fromkeys(new.account_dids)):
                tx.run("insert_feed_account", feed_id=row["id"], position=position, did=did)
            _note_agent(tx, row["id"])
            return FeedClaim(_feed_of(row, new.account_dids), row["lease_token"], worker)

    def feed(self, name: int | str) -> Feed:
        """The feed with this number or address; raises NotFound, InputError."""
        with self._store.reading() as tx:
            if isinstance(name, int) or row_number(name) is not None:
                row = tx.row("get_feed", id=int(name))
                feeds = [] if row is None else [_feed_of(row, _accounts_of(tx, row["id"]))]
            else:
                feeds = _feeds_with(tx, name)
        if len(feeds) > 1:
            numbers = ", ".join(str(feed.id) for feed in feeds)
            raise InputError(
                f"Several feeds are at {name}: {numbers}.", code="feed.ambiguous", hint="Use the number of one of them."
            )
        if not feeds:
            raise unknown_feed(name)
        return feeds[0]

    def feeds(self) -> list[Feed]:
        """All feeds, in the order in which they were added."""
        with self._store.reading() as tx:
            dids: dict[int, list[str]] = {}
            for row in tx.rows("list_feed_accounts"):
                dids.setdefault(row["feed_id"], []).append(row["account_did"])
            return readable(tx.rows("list_feeds"), lambda row: _feed_of(row, dids.get(row["id"], ())))

    def failing(self, limit: int, covers: Callable[[Sequence[str]], bool] = everything) -> list[Feed]:
        """The first feeds that could not be read several times in a row, or are gone, of the accounts that the caller
        covers.
        """
        with self._store.reading() as tx:
            rows = ((row, _accounts_of(tx, row["id"])) for row in tx.rows("failing_feeds", failures=FAILING_POLLS))
            seen = islice(((row, dids) for row, dids in rows if covers(dids)), limit)
            return [feed for row, dids in seen for feed in readable([row], partial(_feed_of, account_dids=dids))]

    def edit_feed(self, feed_id: int, account_dids: Sequence[str], settings: Mapping[str, Any]) -> None:
        """Replace a feed's accounts and settings; its ledger stays. Items that could not be posted wait again, and the
        feed is polled at once.

        Raises NotFound.
        """
        with self._store.writing(wake=False) as tx:
            # Lock the feed before its accounts, as when an item is queued: another order could deadlock.
            if tx.row("lock_feed", id=feed_id) is None:
                raise unknown_feed(feed_id)
            for did in sorted(set(account_dids)):
                locked(tx, did)
            tx.run("set_feed_settings", id=feed_id, settings=dump_json(settings))
            tx.run("forget_feed_accounts", id=feed_id)
            for position, did in enumerate(dict.fromkeys(account_dids)):
                tx.run("insert_feed_account", feed_id=feed_id, position=position, did=did)
            _note_agent(tx, feed_id)
            now = self._store.clock.now()
            if tx.run("retry_failed_items", feed_id=feed_id, now=now):
                tx.run("poll_feed_now", id=feed_id, now=now)

    def remove_feed(self, feed_id: int) -> None:
        """Remove a feed and its ledger; the posts that it made stay. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            if tx.run("delete_feed", id=feed_id) != 1:
                raise unknown_feed(feed_id)

    def due_feeds(self) -> list[tuple[int, str]]:
        """The feeds that are due (or whose lease has expired), and their addresses, the longest waiting first."""
        with self._store.reading() as tx:
            return [(row["id"], row["url"]) for row in tx.rows("due_feeds", now=self._store.clock.now())]

    def claim_due_feed(self, feed_id: int, worker: str, lease_seconds: float) -> FeedClaim | None:
        """Claim a feed, if it is still due. One whose row cannot be read is left alone for an hour."""
        now = self._store.clock.now()
        with self._store.writing(wake=False) as tx:
            row = tx.row("lock_due_feed", id=feed_id, now=now)
            try:
                return None if row is None else self._take_feed(tx, row, worker, lease_seconds)
            except UnreadableRow:
                tx.run("set_aside_feed", id=feed_id, until=now + SET_ASIDE)
                return None

    def claim_feed(self, feed_id: int, worker: str, lease_seconds: float) -> FeedClaim | None:
        """Claim this feed, even if it is not due; None while another process holds it. Raises NotFound."""
        with self._store.writing(wake=False) as tx:
            row = tx.row("lock_feed", id=feed_id)
            if row is None:
                raise unknown_feed(feed_id)
            until = time_of(row["lease_until"])
            if until is not None and until > self._store.clock.now():
                return None
            return self._take_feed(tx, row, worker, lease_seconds)

    def _take_feed(self, tx: Transaction, row: Row, worker: str, lease_seconds: float) -> FeedClaim:
        until = self._store.clock.now() + timedelta(seconds=lease_seconds)
        feed = _feed_of(row, _accounts_of(tx, row["id"]))
        tx.run("take_feed", id=row["id"], worker=worker, until=until)
        return FeedClaim(feed, row["lease_token"] + 1, worker)

    def renew_feed(self, claim: FeedClaim, lease_seconds: float) -> None:
        """Extend the lease of a feed. Raises LeaseLost."""
        with self._store.writing(wake=False) as tx:
            until = self._store.clock.now() + timedelta(seconds=lease_seconds)
            if tx.run("renew_feed", id=claim.feed.id, token=claim.token, until=until) != 1:
                raise _lost(claim)

    def release_feed(self, claim: FeedClaim) -> None:
        """Release a feed until its next poll; does nothing if the lease was lost."""
        with self._store.writing(wake=False) as tx:
            tx.run("release_feed", id=claim.feed.id, token=claim.token)

    def next_feed_at(self) -> datetime | None:
        """When a worker may claim the next feed; None if there are none."""
        with self._store.reading() as tx:
            row = tx.row("next_feed")
        return None if row is None else time_of(mended(row)[0]["ready_at"])

    def known_items(self, feed_id: int, fingerprints: Sequence[int]) -> dict[int, KnownItem]:
        """The items of the ledger that have any of these fingerprints, by fingerprint."""
        known: dict[int, KnownItem] = {}
        with self._store.reading() as tx:
            for start in range(0, len(fingerprints), FINGERPRINTS_ASKED_MAX):
                part = json.dumps(fingerprints[start : start + FINGERPRINTS_ASKED_MAX])
                for row in tx.rows("known_fingerprints", feed_id=feed_id, fingerprints=part):
                    known[row["fingerprint"]] = KnownItem(
                        id=row["id"],
                        state=row["state"],
                        has_guid=bool(row["has_guid"]),
                        published_at=time_of(row["published_at"]),
                        title_hash=row["title_hash"],
                        fingerprints=row["fingerprints"],
                    )
        return known

    def record_poll(self, claim: FeedClaim, poll: Poll) -> int:
        """Record a poll, all or nothing.

        Returns how many items wait to be posted. If none does, the feed is released in the same transaction. Raises
        LeaseLost.
        """
        with self._store.writing(wake=False) as tx:
            row = self._held(tx, claim)
            now = self._store.clock.now()
            others = [feed for feed in _feeds_with(tx, poll.url) if feed.id != claim.feed.id]
            mine = set(_accounts_of(tx, claim.feed.id))
            free = all(set(feed.account_dids) != mine for feed in others)
            first_polled_at = time_of(row["first_polled_at"]) or (now if poll.answered else None)
            tx.run(
                "note_check",
                id=claim.feed.id,
                url=poll.url if free else row["url"],
                title=poll.title,
                state=poll.state,
                memory=dump_json(poll.memory),
                next_check_at=poll.next_check_at,
                now=now,
                first_polled_at=first_polled_at,
                failures=poll.failures,
                **problem_values(poll.problem),
            )
            if poll.problem is not None and (poll.failures == FAILING_POLLS or poll.state == "gone"):
                data = {"feed": claim.feed.id, "url": poll.url, "title": poll.title, "message": poll.problem.message}
                dids = _accounts_of(tx, claim.feed.id)
                note_event(tx, "feed.failing", now, data, account_dids=dids, subject_id=claim.feed.id)
            for item in poll.items:
                self._insert_item(tx, claim.feed.id, item, now)
            for update in poll.updates:
                self._update_item(tx, claim.feed.id, update, now)
            waiting = tx.row("count_pending_items", feed_id=claim.feed.id)
            if waiting is None or not waiting["count"]:
                tx.run("release_feed", id=claim.feed.id, token=claim.token)
                return 0
            return int(waiting["count"])

    def recover_clock_skew(self, *, lease_seconds: float) -> int:
        """Free feeds that wait for a time which only a clock that ran ahead can have set. Returns how many."""
        now = self._store.clock.now()
        lease_end = now + SKEW + timedelta(seconds=lease_seconds)
        with self._store.writing(wake=False) as tx:
            return tx.run("end_skewed_feed_waits", now=now, soon=now + SKEW, lease_end=lease_end)

    def _held(self, tx: Transaction, claim: FeedClaim) -> Row:
        """The feed's row, locked, if the claim still holds it."""
        row = tx.row("lock_feed", id=claim.feed.id)
        if row is None or row["lease_token"] != claim.token:
            raise _lost(claim)
        return row

    def _insert_item(self, tx: Transaction, feed_id: int, item: NewItem, now: datetime) -> None:
        row = tx.row(
            "insert_feed_item",
            feed_id=feed_id,
            state=item.state,
            hash=item.hash,
            title=item.title,
            content=dump_json(item.content) if item.state in ("pending", "failed") else None,
            has_guid=item.has_guid,
            published_at=item.published_at,
            title_hash=item.title_hash,
            fingerprints=len(item.strong),
            now=now,
            **problem_values(item.problem),
        )
        assert row is not None
        self._insert_fingerprints(tx, feed_id, row["id"], item.strong, item.weak)

    def _insert_fingerprints(
        self, tx: Transaction, feed_id: int, item_id: int, strong: Sequence[int], weak: Sequence[int]
    ) -> None:
        values = [(number, False) for number in strong] + [(number, True) for number in weak]
        tx.run_many(
            "insert_fingerprint",
            ({"feed_id": feed_id, "fingerprint": n, "item_id": item_id, "weak": is_weak} for n, is_weak in values),
        )

    def _update_item(self, tx: Transaction, feed_id: int, update: ItemUpdate, now: datetime) -> None:
        tx.run("delete_weak_fingerprints", item_id=update.item_id)
        self._insert_fingerprints(tx, feed_id, update.item_id, update.strong, update.weak)
        tx.run(
            "edit_feed_item",
            id=update.item_id,
            title=update.title,
            published_at=update.published_at,
            title_hash=update.title_hash,
            has_guid=update.has_guid,
            fingerprints=len(update.strong),
            content=dump_json(update.content),
            now=now,
        )

    def pending_items(self, feed_id: int, limit: int) -> list[FeedItem]:
        """Items that wait to be posted, the oldest first; those that failed before come last."""
        with self._store.reading() as tx:
            return readable(tx.rows("pending_items", feed_id=feed_id, limit=limit), _item_of)

    def feed_items(self, feed_id: int, limit: int = 100) -> list[FeedItem]:
        """Items of the ledger, the latest first."""
        with self._store.reading() as tx:
            return readable(tx.rows("list_feed_items", feed_id=feed_id, limit=limit), _item_of)

    def count_items(self, feed_id: int | None = None) -> dict[int, dict[ItemState, int]]:
        """How many items each feed (or one feed) has in each state, by the feed's number."""
        counts: dict[int, dict[ItemState, int]] = {}
        with self._store.reading() as tx:
            rows = tx.rows("count_feed_items") if feed_id is None else tx.rows("count_items_of_feed", feed_id=feed_id)
            for row in rows:
                counts.setdefault(row["feed_id"], {})[row["state"]] = row["count"]
        return counts

    def queue_item(
        self, claim: FeedClaim, item_id: int, posts: Sequence[NewPost], problem: Problem | None = None
    ) -> list[AddResult]:
        """Store an item's posts and mark it as queued, in one transaction; does nothing if it is already finished.

        `problem`: why an account got no post. Raises LeaseLost, NotFound.
        """
        with self._store.writing() as tx:
            self._held(tx, claim)
            values = {
                "id": item_id,
                "state": "queued",
                "tries": 1,
                "now": self._store.clock.now(),
                **problem_values(problem),
            }
            if tx.run("finish_feed_item", **values):
                with _by_its_agent(tx, claim.feed.id):
                    return add_posts(tx, self._store.clock, posts)
            return []

    def filter_item(self, claim: FeedClaim, item_id: int) -> None:
        """Record that an item is not wanted (any more). Raises LeaseLost."""
        with self._store.writing(wake=False) as tx:
            self._held(tx, claim)
            now = self._store.clock.now()
            tx.run("finish_feed_item", id=item_id, state="filtered", tries=0, now=now, **problem_values(None))

    def fail_item(self, claim: FeedClaim, item_id: int, problem: Problem, *, permanently: bool) -> None:
        """Record that an item cannot be posted until its feed is edited, or not now (it goes behind the others)."""
        with self._store.writing(wake=False) as tx:
            self._held(tx, claim)
            now = self._store.clock.now()
            query = "fail_feed_item" if permanently else "postpone_feed_item"
            tx.run(query, id=item_id, now=now, **problem_values(problem))


def _note_agent(tx: Transaction, feed_id: int) -> None:
    """Note that an agent adds or changes a feed; people who change it later do not approve what it did."""
    if (who := current_agent()) is not None:
        tx.run("set_feed_agent", id=feed_id, who=who)


def _by_its_agent(tx: Transaction, feed_id: int) -> AbstractContextManager[None]:
    """What a feed posts is its agent's too, if it has one."""
    row = tx.row("get_feed_agent", id=feed_id)
    return written_for(None if row is None else row["agent"])


def unknown_feed(name: int | str) -> NotFound:
    """The error about a number or address that no feed has."""
    return NotFound(f"There is no feed {named(name)}.", code="feed.unknown", hint=Hint("See: ", Do("feeds.list")))


def _lost(claim: FeedClaim) -> LeaseLost:
    return LeaseLost(
        f"Feed {claim.feed.id} was taken by another process in the meantime, or removed.",
        code="feed.lease_lost",
        hint="Nothing was changed.",
    )


def _feeds_with(tx: Transaction, url: str) -> list[Feed]:
    return [_feed_of(row, _accounts_of(tx, row["id"])) for row in tx.rows("feeds_with_url", url=url)]


def _accounts_of(tx: Transaction, feed_id: int) -> list[str]:
    return [row["account_did"] for row in tx.rows("feed_accounts", id=feed_id)]


def _feed_of(row: Row, account_dids: Sequence[str]) -> Feed:
    return reads("feed")(lambda row: _read_feed(row, account_dids))(row)


def _read_feed(row: Row, account_dids: Sequence[str]) -> Feed:
    count_of(row["lease_token"])
    return Feed(
        id=row["id"],
        url=row["url"],
        title=row["title"],
        state=row["state"],
        account_dids=tuple(account_dids),
        settings=json_of(row["settings"], dict),
        memory=json_of(row["memory"], dict),
        next_check_at=time_of(row["next_check_at"]),
        lease_owner=row["lease_owner"],
        lease_until=time_of(row["lease_until"]),
        first_polled_at=time_of(row["first_polled_at"]),
        checked_at=time_of(row["checked_at"]),
        failures=count_of(row["failures"]),
        problem=problem_of(row),
        created_at=cast(datetime, time_of(row["created_at"])),
    )


@reads("feed_item")
def _item_of(row: Row) -> FeedItem:
    return FeedItem(
        id=row["id"],
        feed_id=row["feed_id"],
        state=row["state"],
        hash=row["hash"],
        title=row["title"],
        content=None if row["content"] is None else json_of(row["content"], dict),
        published_at=time_of(row["published_at"]),
        tries=count_of(row["tries"]),
        problem=problem_of(row),
        seen_at=cast(datetime, time_of(row["seen_at"])),
    )
