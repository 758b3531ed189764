"""A clock that ran ahead for a while and came back: nothing waits for the moments that it left."""

from __future__ import annotations

from datetime import timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.features.feeds.model import NewFeed, Poll
from skywrite.features.feeds.store import FeedStore
from skywrite.queue.leases import recover_clock_skew
from skywrite.queue.model import AccountChange, Defer, Published, Retry
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.stored import ALICE, LEASE_SECONDS, NOON, PROBLEM, claimed, decide_with, later, post, take

JUMP = 20 * 86_400
PAUSE_SECONDS = 3600
DONE = Published("at://did:plc:alice/app.bsky.feed.post/3kroot", "bafypost", ("3kroot",))


def freed(store: Store) -> int:
    """How many accounts waited for nothing."""
    return recover_clock_skew(store, lease_seconds=LEASE_SECONDS, pause_seconds=PAUSE_SECONDS)


@pytest.fixture
def came_back(store: Store, clock: FakeClock, request: pytest.FixtureRequest) -> Store:
    """Alice has a post that is due, and something happened to her account while the clock was ahead."""
    store.posts.add([post("first")])
    clock.advance(JUMP)
    if request.param == "put off":
        claim_next(store, "w", LEASE_SECONDS, decide_with(Defer(clock.now() + timedelta(hours=12)))[0])
    else:
        claim = claimed(store)
        outcome = Retry(clock.now() + timedelta(seconds=900), PROBLEM)
        if request.param == "retry":
            store.claims.settle(claim, outcome)
        elif request.param == "pause":
            pause = AccountChange("paused", clock.now() + timedelta(seconds=PAUSE_SECONDS), "rate limit")
            store.claims.settle(claim, outcome, account=pause)
        elif request.param == "renewed":
            store.claims.renew(claim, LEASE_SECONDS)
    clock.set(NOON)
    return store


@pytest.mark.parametrize("came_back", ["lease", "renewed", "retry", "pause", "put off"], indirect=True)
def test_no_account_waits_for_a_clock_that_ran_ahead(came_back: Store) -> None:
    """A dead worker's lease, a pause, a retry and a postponement of that time are over."""
    before = claim_next(came_back, "w", LEASE_SECONDS, take())
    assert (None, 1, "first") == (before, freed(came_back), claimed(came_back, worker="heir").post.text)
    assert 0 == freed(came_back)


@pytest.mark.parametrize("what", ["lease", "retry", "pause", "later"])
def test_what_was_set_by_the_right_clock_stays(store: Store, what: str) -> None:
    """Nobody's lease, pause or retry ends early, and no post goes out before its time."""
    store.posts.add([post("first", due=NOON + timedelta(days=40) if what == "later" else NOON)])
    if what != "later":
        claim = claimed(store)
    if what == "retry":
        store.claims.settle(claim, Retry(later(PAUSE_SECONDS), PROBLEM))
    elif what == "pause":
        store.claims.settle(
            claim, Retry(NOON, PROBLEM), account=AccountChange("paused", later(PAUSE_SECONDS), "rate limit")
        )
    before = (store.accounts.get(ALICE), store.posts.get(1))
    assert (0, before) == (freed(store), (store.accounts.get(ALICE), store.posts.get(1)))


def test_the_worker_with_the_wrong_clock_settles_nothing_any_more(store: Store, clock: FakeClock) -> None:
    """Its lease was ended and taken by another: should it be alive, its token is old."""
    store.posts.add([post()])
    clock.advance(JUMP)
    zombie = claimed(store)
    clock.set(NOON)
    freed(store)
    heir = claimed(store, worker="heir")
    assert [False, True] == [store.claims.settle(zombie, DONE), store.claims.settle(heir, DONE)]


def test_a_post_of_later_is_not_hurried(store: Store, clock: FakeClock) -> None:
    """One that was tried while the clock was ahead goes out when it is due by the right one."""
    due = NOON + timedelta(days=3)
    store.posts.add([post("now"), post("later", due=due)])
    clock.advance(JUMP)
    for post_id in (1, 2):
        claim = store.claims.claim_post(post_id, "w", LEASE_SECONDS, take())
        assert claim is not None
        store.claims.settle(claim, Retry(clock.now(), PROBLEM))
    clock.set(NOON)
    freed(store)
    store.claims.settle(claimed(store), DONE)
    assert due == store.claims.next_ready_at()


def test_the_ledger_of_the_future_counts_for_nothing_now(store: Store, clock: FakeClock) -> None:
    """Points and posts that were noted ahead do not use up today's."""
    store.posts.add([post()])
    clock.advance(JUMP)
    store.claims.settle(claimed(store), DONE)
    clock.set(NOON)
    view = store.claims.view(ALICE)
    assert (0, 0, 0) == (view.points_last_hour, view.points_last_day, view.published_today)


def test_a_session_can_be_refreshed_again(store: Store, clock: FakeClock) -> None:
    """Whoever refreshed it while the clock was ahead, and died, keeps nobody away."""
    clock.advance(JUMP)
    store.sessions.try_lease(ALICE, 60)
    clock.set(NOON)
    assert [True, False] == [store.sessions.try_lease(ALICE, 60), store.sessions.try_lease(ALICE, 60)]


@pytest.mark.parametrize("checked", [False, True])
def test_a_feed_is_checked_again(store: Store, clock: FakeClock, checked: bool) -> None:
    """Also one that its checker held, or put off, by a clock that ran ahead; one that is held rightly stays held."""
    clock.advance(JUMP)
    claim = FeedStore(store).add_feed(NewFeed("https://site.example/feed", (ALICE,)), "ahead", 60)
    if checked:
        FeedStore(store).record_poll(claim, Poll(claim.feed.url, "Site", {}, clock.now() + timedelta(seconds=1800)))
        FeedStore(store).release_feed(claim)
    clock.set(NOON)
    assert [] == FeedStore(store).due_feeds()
    assert (1, NOON) == (FeedStore(store).recover_clock_skew(lease_seconds=60), FeedStore(store).next_feed_at())
    held = FeedStore(store).claim_due_feed(1, "w", 60)
    assert (True, 0) == (held is not None, FeedStore(store).recover_clock_skew(lease_seconds=60))
