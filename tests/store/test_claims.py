"""Claiming and settling: order, leases, fencing, and what a decision may say."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, StorageError
from skywrite.queue.base import items_of
from skywrite.queue.events import Events
from skywrite.queue.model import (
    AccountChange,
    AccountView,
    Changes,
    Decision,
    Defer,
    Failed,
    Held,
    Miss,
    Post,
    Problem,
    Published,
    Retry,
    Take,
)
from skywrite.queue.settling import Settlement
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.stored import (
    ALICE,
    BOB,
    LEASE_SECONDS,
    NOON,
    PROBLEM,
    OpenStore,
    claimed,
    decide_with,
    later,
    may_start,
    post,
    raw,
    session,
    take,
)

CAROL = "did:plc:carol"
DONE = Published("at://did:plc:alice/app.bsky.feed.post/3kroot", "bafypost", ("3kroot", "3ksecond"))
LATE = Problem("oauth.too_late", "Its time was missed by two days.", "Release it to publish it now.")


def published(store: Store) -> list[str]:
    """The texts that go out now, in their order."""
    order = []
    while claim := claim_next(store, "w", LEASE_SECONDS, take()):
        order.append(claim.post.text)
        store.claims.settle(claim, DONE)
    return order


def test_nothing_to_do(store: Store) -> None:
    """Without posts there is no claim and no next moment."""
    assert (None, None) == (claim_next(store, "w", LEASE_SECONDS, take()), store.claims.next_ready_at())


def test_never_before_its_time(store: Store, clock: FakeClock) -> None:
    """A post is claimed at its time, and not a microsecond earlier."""
    due = later(10)
    store.posts.add([post(due=due)])
    clock.set(due - timedelta(microseconds=1))
    early = claim_next(store, "w", LEASE_SECONDS, take())
    clock.set(due)
    assert (None, due, "Hello") == (early, store.claims.next_ready_at(), claimed(store).post.text)


def test_claimed_post_is_publishing_and_frozen(store: Store) -> None:
    """A claim stores the frozen records before anybody can write them."""
    post_id = store.posts.add([post()])[0].id
    claim = claimed(store, take("FROZEN"))
    stored = store.posts.get(post_id)
    assert ("publishing", "FROZEN", 1, claim.token) == (
        stored.state,
        stored.frozen,
        stored.attempts,
        stored.lease_token,
    )
    assert stored == claim.post


def test_frozen_records_are_never_replaced_by_a_claim(store: Store) -> None:
    """A retry goes out with the records of the first attempt, whatever the decision says."""
    store.posts.add([post()])
    store.claims.settle(claimed(store, take("FIRST")), Retry(NOON, PROBLEM))
    assert "FIRST" == claimed(store, take("SECOND")).post.frozen


def test_one_post_of_an_account_at_a_time(store: Store) -> None:
    """While a post of an account is being published, nobody else gets another one of it."""
    store.posts.add([post("one", due=later(-1)), post("two", due=later(-1)), post("other", did=BOB)])
    claims = [claim_next(store, "w", LEASE_SECONDS, take()) for _ in range(3)]
    assert ["one", "other", None] == [claim.post.text if claim else None for claim in claims]


def test_new_posts_of_a_busy_account_wait(store: Store) -> None:
    """Posts added to an account that is being worked on neither wake anybody nor hide other accounts."""
    store.posts.add([post("one")])
    claimed(store)
    store.posts.add([post("two", due=later(-5)), post("other", did=BOB)])
    other = claimed(store).post.text
    assert ("other", None, later(LEASE_SECONDS)) == (
        other,
        claim_next(store, "w", LEASE_SECONDS, take()),
        store.claims.next_ready_at(),
    )


def test_settled_claim_cannot_be_renewed(store: Store) -> None:
    """After its settlement a claim holds nothing any more."""
    store.posts.add([post(), post("two")])
    claim = claimed(store)
    store.claims.settle(claim, DONE)
    assert (False, NOON) == (store.claims.renew(claim, 1000), store.claims.next_ready_at())


def test_due_order_within_an_account(store: Store, clock: FakeClock) -> None:
    """Posts of an account go out by due time, and by number when they are due together."""
    store.posts.add([post("c", due=later(2)), post("a", due=later(1)), post("b", due=later(1))])
    clock.set(later(10))
    assert ["a", "b", "c"] == published(store)


def test_a_post_in_thirty_days_blocks_nothing(store: Store) -> None:
    """A post that is due later never delays one that is due now."""
    store.posts.add([post("later", due=NOON + timedelta(days=30))])
    store.posts.add([post("now")])
    assert "now" == claimed(store).post.text


def test_accounts_take_turns(store: Store, clock: FakeClock) -> None:
    """A long backlog of one account does not keep another one waiting."""
    store.posts.add([post(f"a{n}", due=later(n)) for n in range(5)])
    store.posts.add([post("b", did=BOB, due=later(100))])
    clock.set(later(200))
    store.claims.settle(claimed(store), DONE)
    assert "b" == claimed(store).post.text


def test_published(store: Store) -> None:
    """A published post has its address, its time, no error, and its account is free again."""
    post_id = store.posts.add([post()])[0].id
    assert store.claims.settle(claimed(store), DONE)
    stored, account = store.posts.get(post_id), store.accounts.get(ALICE)
    fields = (stored.state, stored.uri, stored.cid, stored.root_rkey, stored.published_at, stored.problem)
    assert ("published", DONE.uri, DONE.cid, "3kroot", NOON, None) == fields
    assert (None, None, NOON) == (account.lease_owner, account.ready_at, account.last_published_at)


def test_retry_stays_at_the_head(store: Store, clock: FakeClock) -> None:
    """A post that waits for its next attempt keeps the later posts of its account behind it."""
    store.posts.add([post("first"), post("second", due=later(1))])
    store.claims.settle(claimed(store), Retry(later(30), PROBLEM))
    clock.set(later(10))
    waiting = claim_next(store, "w", LEASE_SECONDS, take())
    ready_at = store.claims.next_ready_at()
    clock.set(later(30))
    claim = claimed(store)
    assert (None, later(30), "first", 2) == (waiting, ready_at, claim.post.text, claim.post.attempts)


def test_failed_and_held(store: Store) -> None:
    """A failed or held post says why, and the next one of its account goes on."""
    ids = [result.id for result in store.posts.add([post("one"), post("two"), post("three")])]
    store.claims.settle(claimed(store), Failed(PROBLEM))
    store.claims.settle(claimed(store), Held(PROBLEM, discard_frozen=True))
    assert "three" == claimed(store).post.text
    outcomes = [(store.posts.get(post_id).state, store.posts.get(post_id).problem) for post_id in ids[:2]]
    assert [("failed", PROBLEM), ("held", PROBLEM)] == outcomes


def test_thaw(store: Store) -> None:
    """Frozen records of which none was sent are dropped on request, and kept otherwise."""
    post_id = store.posts.add([post()])[0].id
    store.claims.settle(claimed(store, take("FROZEN")), Retry(NOON, PROBLEM))
    kept = store.posts.get(post_id).frozen
    store.claims.settle(claimed(store), Retry(NOON, PROBLEM, discard_frozen=True))
    assert ("FROZEN", None) == (kept, store.posts.get(post_id).frozen)


def test_what_was_looked_for_may_be_changed_later(store: Store, clock: FakeClock) -> None:
    """From its time on, a post whose records were not there is its user's again; the records are dropped then."""
    post_id = store.posts.add([post()])[0].id
    store.claims.settle(claimed(store, take("FROZEN")), Retry(later(5), PROBLEM, free_at=later(60)))
    with fails("post.not_editable", match="may be on the network"):
        store.posts.edit(post_id, Changes(draft={"text": "new"}))
    clock.set(later(60))
    store.posts.edit(post_id, Changes(draft={"text": "new"}))
    assert ("scheduled", None, None) == (
        store.posts.get(post_id).state,
        store.posts.get(post_id).frozen,
        store.posts.get(post_id).free_at,
    )


def test_a_stopped_worker_keeps_a_post_from_being_changed(store: Store, clock: FakeClock) -> None:
    """One that never came back may still send its write: whatever was looked for, the post keeps its records."""
    post_id = store.posts.add([post()])[0].id
    claimed(store, take("FROZEN"))
    clock.advance(LEASE_SECONDS)
    store.claims.settle(claimed(store, worker="worker-2"), Retry(later(70), PROBLEM, free_at=later(80)))
    clock.advance(LEASE_SECONDS)
    with fails("post.not_cancellable"):
        store.posts.cancel(post_id)


def test_a_claim_knows_whether_its_post_was_looked_for(store: Store, clock: FakeClock) -> None:
    """A try that never leaves does not undo what an earlier one found out."""
    store.posts.add([post()])
    store.claims.settle(claimed(store, take("FROZEN")), Retry(later(5), PROBLEM, free_at=later(60)))
    clock.set(later(5))
    early = claimed(store)
    store.claims.settle(early, Retry(later(70), PROBLEM, free_at=early.post.free_at))
    clock.set(later(70))
    assert (False, later(60), True) == (early.fresh, early.post.free_at, claimed(store).fresh)


def test_a_post_that_gives_way(store: Store, clock: FakeClock) -> None:
    """Tried five times and never there, it lets the others of its account go first until its next attempt."""
    store.posts.add([post("poison"), post("second", due=later(1))])
    for _ in range(5):
        clock.advance(10)
        store.claims.settle(claimed(store), Retry(clock.now() + timedelta(seconds=10), PROBLEM, free_at=later(0)))
    overtaking = claimed(store)
    store.claims.settle(overtaking, DONE)
    waiting, ready_at = claim_next(store, "w", LEASE_SECONDS, take()), store.claims.next_ready_at()
    clock.advance(10)
    assert ("second", None, clock.now(), "poison") == (
        overtaking.post.text,
        waiting,
        ready_at,
        claimed(store).post.text,
    )


@pytest.mark.parametrize(("attempts", "free_at"), [(5, None), (4, NOON)])
def test_only_what_was_tried_often_and_never_there_gives_way(
    store: Store, clock: FakeClock, attempts: int, free_at: datetime | None
) -> None:
    """What may be on the network, and what was tried less often, keeps its place, even if somebody asks too early."""
    store.posts.add([post("first"), post("second", due=later(1))])
    for _ in range(attempts):
        clock.advance(10)
        store.claims.settle(claimed(store), Retry(clock.now() + timedelta(seconds=10), PROBLEM, free_at=free_at))
    ready_at = store.claims.next_ready_at()
    with store.writing() as tx:
        tx.run("defer_account", did=ALICE, until=clock.now())
    assert (None, ready_at) == (claim_next(store, "w", LEASE_SECONDS, take()), store.claims.next_ready_at())
    clock.advance(10)
    assert "first" == claimed(store).post.text


def test_a_post_that_gave_way_waits_for_one_before_it(store: Store, clock: FakeClock) -> None:
    """A post that comes back before it keeps its place while it waits, whatever the other's next attempt is."""
    store.posts.add([post("first")])
    store.claims.settle(claimed(store), Held(PROBLEM, discard_frozen=True))
    store.posts.add([post("poison", due=later(1)), post("last", due=later(2))])
    for _ in range(5):
        clock.advance(10)
        store.claims.settle(claimed(store), Retry(clock.now() + timedelta(seconds=10), PROBLEM, free_at=later(0)))
    store.posts.release(1)
    store.claims.settle(claimed(store), Retry(later(300), PROBLEM))
    clock.advance(10)
    waiting = claim_next(store, "w", LEASE_SECONDS, take())
    assert (None, later(300)) == (waiting, store.claims.next_ready_at())
    clock.set(later(300))
    assert ["first", "poison", "last"] == published(store)


def test_each_step_of_a_worker_makes_a_new_version(store: Store) -> None:
    """Whoever changes a post as they saw it before is told; to drop the frozen records is a change, too."""
    store.posts.add([post(), post("missed", did=BOB)])
    versions = []

    def step(done: bool) -> None:
        versions.append((done, store.posts.get(1).version))

    for finish in (
        lambda claim: step(store.claims.freeze(claim, "F")) or store.claims.release(claim),
        lambda claim: store.claims.settle(claim, Retry(NOON, PROBLEM)),
        lambda claim: store.claims.settle(claim, Held(PROBLEM, discard_frozen=True)),
        lambda claim: store.claims.settle(claim, DONE),
    ):
        if store.posts.get(1).state == "held":
            store.posts.release(1)
        claim = store.claims.claim_post(1, "w", LEASE_SECONDS, take())
        assert claim is not None
        step(claim.post == store.posts.get(1))
        step(finish(claim))
    assert [(True, number) for number in (2, 3, 4, 5, 6, 7, 9, 11, 12)] == versions
    claim_next(store, "w", LEASE_SECONDS, decide_with(Miss("held", LATE))[0])
    assert 2 == store.posts.get(2).version


@pytest.mark.parametrize("outcome", [DONE, Retry(NOON, PROBLEM), Failed(PROBLEM), Held(PROBLEM)])
def test_zombie_settles_nothing(store: Store, clock: FakeClock, outcome: Published | Retry | Failed | Held) -> None:
    """A worker that comes back after its lease was taken over changes nothing at all."""
    post_id = store.posts.add([post()])[0].id
    zombie = claimed(store)
    clock.advance(LEASE_SECONDS)
    heir = claimed(store, worker="worker-2")
    before = (store.posts.get(post_id), store.accounts.get(ALICE), store.posts.attempts(post_id))

    tried = [
        store.claims.settle(zombie, outcome, account=AccountChange("needs_login"), follow=post("follow")),
        store.claims.renew(zombie, 1000),
        store.claims.freeze(zombie, "OTHER"),
        store.claims.release(zombie),
    ]

    assert [False] * 4 == tried
    assert before == (store.posts.get(post_id), store.accounts.get(ALICE), store.posts.attempts(post_id))
    assert store.claims.settle(heir, DONE)


def test_settled_twice(store: Store) -> None:
    """The second settlement of one claim does nothing."""
    store.posts.add([post(), post("two")])
    claim = claimed(store)
    assert [True, False] == [store.claims.settle(claim, DONE), store.claims.settle(claim, Failed(PROBLEM))]


def test_dead_worker(store: Store, clock: FakeClock) -> None:
    """What a dead worker left is taken up when its lease ends, with its frozen records and before all else."""
    post_id = store.posts.add([post("left")])[0].id
    claimed(store, take("FROZEN"))
    store.posts.add([post("earlier", due=later(-100))])
    clock.advance(LEASE_SECONDS - 1)
    early = claim_next(store, "w", LEASE_SECONDS, take())
    clock.advance(1)
    claim = claimed(store, take("OTHER"), worker="worker-2")
    assert (None, post_id, "FROZEN", 2) == (early, claim.post.id, claim.post.frozen, claim.post.attempts)
    assert ["lost", None] == [attempt.outcome for attempt in store.posts.attempts(post_id)]


def test_lease_of_a_worker_that_is_gone(store: Store) -> None:
    """The lease of a worker that is known to be gone can be ended at once, and only its own; its token still fences."""
    post_id = store.posts.add([post()])[0].id
    gone = claimed(store)
    ended = [store.claims.expire_lease(ALICE, "somebody-else"), store.claims.expire_lease(ALICE, "worker-1")]
    heir = claimed(store, worker="worker-2")
    assert ([False, True], post_id) == (ended, heir.post.id)
    assert [False, True] == [store.claims.settle(gone, DONE), store.claims.settle(heir, DONE)]


def test_a_lease_that_is_over_cannot_be_ended(store: Store, clock: FakeClock) -> None:
    """From its last moment on anybody may take it over, so there is nothing to end."""
    store.posts.add([post()])
    claimed(store)
    clock.advance(LEASE_SECONDS)
    assert not store.claims.expire_lease(ALICE, "worker-1")


def test_the_end_of_a_lease_is_the_next_wake(store: Store) -> None:
    """While the only post is being published, the next moment to look is the end of its lease."""
    store.posts.add([post()])
    claimed(store)
    assert later(LEASE_SECONDS) == store.claims.next_ready_at()


def test_renewed_lease(store: Store, clock: FakeClock) -> None:
    """A lease that is renewed in time is not taken over at its first end."""
    store.posts.add([post()])
    claim = claimed(store)
    clock.advance(LEASE_SECONDS - 1)
    assert store.claims.renew(claim, LEASE_SECONDS)
    assert later(2 * LEASE_SECONDS - 1) == store.claims.next_ready_at()
    clock.advance(30)
    assert (None, True) == (claim_next(store, "w", LEASE_SECONDS, take()), store.claims.settle(claim, DONE))


def test_freeze_replaces_under_the_lease(store: Store) -> None:
    """Whoever holds the claim may replace the frozen records."""
    post_id = store.posts.add([post()])[0].id
    claim = claimed(store, take(None))
    assert store.claims.freeze(claim, "NEW")
    assert "NEW" == store.posts.get(post_id).frozen


def test_graceful_stop(store: Store) -> None:
    """A claim that is given back leaves the post scheduled with its records, for anybody to take at once."""
    post_id = store.posts.add([post()])[0].id
    assert store.claims.release(claimed(store, take("FROZEN")))
    stored = store.posts.get(post_id)
    assert ("scheduled", "FROZEN", NOON) == (stored.state, stored.frozen, store.claims.next_ready_at())
    assert ["released"] == [attempt.outcome for attempt in store.posts.attempts(post_id)]


def test_attempts_are_reported(store: Store, clock: FakeClock) -> None:
    """Every attempt is kept with its worker, its times, how it ended and why."""
    post_id = store.posts.add([post()])[0].id
    claim = claimed(store)
    clock.advance(5)
    store.claims.settle(claim, Retry(later(30), PROBLEM))
    clock.set(later(30))
    store.claims.settle(claimed(store, worker="worker-2"), DONE)
    told = [(a.number, a.worker, a.started_at, a.ended_at, a.outcome, a.problem) for a in store.posts.attempts(post_id)]
    first = (1, "worker-1", NOON, later(5), "retry", PROBLEM)
    assert [first, (2, "worker-2", later(30), later(30), "published", None)] == told


def test_deferred_account_does_not_delay_others(store: Store) -> None:
    """A deferred account is left alone until its moment, and the next account is tried in the same claim."""
    store.posts.add([post("a", due=later(-5)), post("b", did=BOB)])
    decide, seen = decide_with(Defer(later(40), "gap"), Take("F"))
    claim = claimed(store, decide)
    assert (["a", "b"], "b") == ([p.text for p in seen], claim.post.text)
    store.claims.settle(claim, DONE)
    assert later(40) == store.claims.next_ready_at()


def test_an_account_put_off_to_a_time_that_is_over(store: Store) -> None:
    """It is left alone for a millisecond, so that the claim goes on to others and ends."""
    store.posts.add([post("a", due=later(-5))])
    decide, seen = decide_with(Defer(later(-1)))
    assert (None, 1) == (claim_next(store, "w", LEASE_SECONDS, decide), len(seen))
    assert later(0.001) == store.claims.next_ready_at()


def test_since_when_an_account_catches_up(store: Store, clock: FakeClock) -> None:
    """It is remembered from the first wait to the last, over other waits, and ends with a post on time."""
    store.posts.add([post("first"), post("second", due=later(1))])
    clock.advance(60)

    def since(decision: Decision) -> datetime | None:
        claim = claim_next(store, "w", LEASE_SECONDS, decide_with(decision)[0], tries=1)
        assert (claim is not None) == isinstance(decision, Take)
        if claim is not None:
            store.claims.settle(claim, DONE)
        else:
            clock.set(store.claims.next_ready_at() or clock.now())
        return store.accounts.get(ALICE).catching_up_since

    waits = [since(Defer(later(90), catching_up_since=later(60))), since(Defer(later(95)))]
    assert [later(60), later(60)] == waits
    assert (later(60), None) == (since(Take("F")), since(Take("F", on_time=True)))


@pytest.mark.parametrize(
    ("old", "tries", "expected"), [(5, {"tries": 2}, [5, 5, 3, 3, 1, 1]), (55, {}, [55] * 50 + [5] * 6)]
)
def test_a_claim_goes_on_until_nothing_is_ready(
    store: Store, old: int, tries: dict[str, int], expected: list[int]
) -> None:
    """However many posts are let go and accounts put off on the way; others may write in between, after fifty."""
    store.posts.add([*(post(f"old {number}", due=later(-100 + number)) for number in range(old)), post("b", did=BOB)])
    between: list[int] = []

    def decide(post: Post, view: AccountView, now: datetime) -> Decision:
        between.append(open_posts())
        return Miss("cancelled", LATE) if post.account_did == ALICE else Take("F")

    def open_posts() -> int:
        return store.listing.count(ALICE)["scheduled"]

    claim = claim_next(store, "w", LEASE_SECONDS, decide, **tries)
    assert claim is not None
    assert ("b", expected) == (claim.post.text, between)


def test_a_claim_ends_when_all_are_put_off(store: Store) -> None:
    """Each account is asked about once, also in a claim that stores after each."""
    store.posts.add([post("a", due=later(-1)), post("b", did=BOB)])
    decide, seen = decide_with(Defer(later(40)))
    assert None is claim_next(store, "w", LEASE_SECONDS, decide, tries=1)
    assert ["a", "b"] == [p.text for p in seen]


def test_claims_for_several_threads(store: Store) -> None:
    """Several accounts in one transaction, each under its own lease, of the servers that are chosen before each.

    When fewer are ready than were asked for, it does not ask again.
    """
    store.posts.add([post("a", due=later(-1)), post("again", due=later(-1)), post("b", did=BOB)])
    choices, seen = [], []

    def choice() -> tuple[list[str], None]:
        choices.append(len(seen))
        return [], None

    claims = store.claims.claim_some("w", LEASE_SECONDS, take(), 5, choice, seen.append)
    assert (["a", "b"], ["a", "b"]) == ([claim.post.text for claim in claims], [claim.post.text for claim in seen])
    assert ([0, 1], 2) == (choices, len(store.listing.posts(("publishing",))))


def test_a_claim_for_several_threads_ends_with_what_it_has(store: Store) -> None:
    """After so many posts it stores what it has found: those that are taken need not wait for the others."""
    store.posts.add([post("a", due=later(-1)), post("b", did=BOB)])
    claims = store.claims.claim_some("w", LEASE_SECONDS, take(), 5, lambda: ([], None), tries=1)
    assert ["a"] == [claim.post.text for claim in claims]


def test_no_more_claims_than_there_are_threads(store: Store) -> None:
    """Also where a part of the first round is put off, and others are asked for in its place."""
    names = (ALICE, BOB, "did:plc:carol", "did:plc:dave")
    for did in names[2:]:
        store.accounts.sign_in(session(did))
    store.posts.add([post(did, did=did, due=later(-10 + place)) for place, did in enumerate(names)])

    def decide(post: Post, view: AccountView, now: datetime) -> Decision:
        return Defer(later(40)) if post.account_did == ALICE else Take("F")

    asked = []
    claims = store.claims.claim_some("w", LEASE_SECONDS, decide, 2, lambda: asked.append(1) or ([], None))
    assert [BOB, "did:plc:carol"] == [claim.account.did for claim in claims]
    assert 2 == len(asked)


def test_a_workers_steps_wake_nobody(store: Store) -> None:
    """Taking a post, freezing it and renewing its lease bring nobody work; settling it does."""
    first, _ = store.posts.add([post(), post("b", did=BOB)])
    told = threading.Event()
    store.database.watching.add(told)
    claims = [claimed(store), store.claims.claim_post(first.id + 1, "w", LEASE_SECONDS, take())]
    for claim in claims:
        assert claim is not None
        assert (True, True) == (store.claims.freeze(claim, "F"), store.claims.renew(claim, LEASE_SECONDS))
    assert not told.is_set()
    assert store.claims.settle(claims[0], DONE)
    assert told.is_set()


def test_results_of_several_threads(store: Store, clock: FakeClock) -> None:
    """Each is settled as if it were alone, and a claim that is lost is told so."""
    store.posts.add([post("a"), post("b", did=BOB)])
    lost = claimed(store)
    clock.advance(LEASE_SECONDS)
    mine = [claimed(store), claimed(store)]
    results = [Settlement(claim, Retry(later(999), PROBLEM)) for claim in (lost, *mine)]
    assert [False, True, True] == store.claims.settle_some(results)
    assert ([], 2) == (store.listing.posts(("publishing",)), len(store.listing.posts(("scheduled",))))


def test_each_result_of_many_is_its_own(store: Store, clock: FakeClock) -> None:
    """One is published, one failed, one was lost to another worker: each post, account, ledger and event says so."""
    dids = [ALICE, BOB, CAROL]
    store.accounts.sign_in(session(CAROL))
    store.posts.add([post(did[-1], did=did) for did in dids])
    claims = store.claims.claim_some("w", 1000, take(), 3, lambda: ([], None))
    alice, bob, carol = sorted(claims, key=lambda claim: claim.account.did)
    clock.advance(1)
    lost = alice._replace(token=alice.token + 1)
    settlements = [
        Settlement(carol, Failed(PROBLEM)),
        Settlement(lost, DONE),
        Settlement(bob, DONE, AccountChange("needs_login", reason="Sign in.")),
    ]
    assert [True, False, True] == store.claims.settle_some(settlements)
    states = [store.posts.get(claim.post.id).state for claim in (alice, bob, carol)]
    assert ["publishing", "published", "failed"] == states
    owners = [store.accounts.get(did).lease_owner for did in dids]
    assert (["w", None, None], "needs_login") == (owners, store.accounts.get(BOB).state)
    published = [store.accounts.get(did).last_published_at for did in dids]
    assert ([None, later(1), None], [0, 1, 0]) == (published, [store.claims.view(did).published_today for did in dids])
    kinds = {(event.kind, event.account_did) for event in Events(store).after(0)}
    assert {("post.published", BOB), ("post.failed", CAROL), ("account.needs_login", BOB)} == kinds


@pytest.mark.parametrize(
    ("avoid", "only", "expected"),
    [([session().pds_url], None, ["a"]), ([], ["https://other.test"], ["a"]), ([], [session().pds_url], ["a", "b"])],
)
def test_a_server_that_fills_up_gets_no_more_of_a_batch(
    store: Store, avoid: list[str], only: list[str] | None, expected: list[str]
) -> None:
    """What may be claimed is asked again before each claim of a batch; who is passed over comes next time."""
    store.posts.add([post("a", due=later(-1)), post("b", did=BOB)])
    servers, taken = iter([([], None)]), []
    claims = store.claims.claim_some("w", LEASE_SECONDS, take(), 2, lambda: next(servers, (avoid, only)), taken.append)
    assert expected == [claim.post.text for claim in claims]
    assert ["a", "b"] == expected + [waiting.text for waiting in store.listing.posts(("scheduled",))]


def test_missed_post(store: Store) -> None:
    """A missed post is held or cancelled with the reason, its successor is stored, and the account goes on."""
    first, second = [r.id for r in store.posts.add([post("old"), post("older", due=later(-1))])]
    decide, _ = decide_with(
        Miss("held", LATE, follow=post("next", due=later(3600))), Miss("cancelled", LATE), Take("F")
    )
    assert None is claim_next(store, "w", LEASE_SECONDS, decide)
    outcomes = [(store.posts.get(i).state, store.posts.get(i).problem) for i in (second, first)]
    assert [("held", LATE), ("cancelled", LATE)] == outcomes
    assert later(3600) == store.claims.next_ready_at()


def test_frozen_post_cannot_be_missed(store: Store) -> None:
    """A post that may be on the network is never given up because its time is over."""
    post_id = store.posts.add([post()])[0].id
    store.claims.settle(claimed(store), Retry(NOON, PROBLEM))
    before = store.posts.get(post_id)
    decide, _ = decide_with(Miss("cancelled", LATE))
    assert None is claim_next(store, "w", LEASE_SECONDS, decide)
    assert (before, later(3600)) == (store.posts.get(post_id), store.claims.next_ready_at())


def test_what_was_looked_for_can_be_missed_later(store: Store, clock: FakeClock) -> None:
    """From the moment on at which no attempt can still be under way, and not before; nothing of it is kept."""
    store.posts.add([post()])
    store.claims.settle(claimed(store, take("FROZEN")), Retry(NOON, PROBLEM, free_at=later(60)))
    decide, _ = decide_with(Miss("held", LATE))
    clock.set(later(59))
    assert None is claim_next(store, "w", LEASE_SECONDS, decide)
    assert "scheduled" == store.posts.get(1).state
    clock.set(later(59 + 3600))
    assert None is claim_next(store, "w", LEASE_SECONDS, decide)
    missed = store.posts.get(1)
    assert ("held", LATE, None, None) == (missed.state, missed.problem, missed.frozen, missed.free_at)


def test_follow_up_is_stored_with_the_settlement(store: Store) -> None:
    """The next occurrence comes into being in the transaction that settles the last one, once."""
    store.posts.add([post("today", key="daily-1")])
    follow = post("tomorrow", due=NOON + timedelta(days=1), key="daily-2")
    store.claims.settle(claimed(store), DONE, follow=follow)
    store.posts.add([follow])
    assert {"published": 1, "scheduled": 1} == {state: n for state, n in store.listing.count().items() if n}


def test_settlement_changes_the_account(store: Store, clock: FakeClock) -> None:
    """What an attempt taught about the account is kept with its outcome."""
    store.posts.add([post()])
    store.claims.settle(claimed(store), Retry(NOON, PROBLEM), account=AccountChange("paused", later(120), "rate limit"))
    account = store.accounts.get(ALICE)
    assert ("paused", later(120), "rate limit") == (account.state, account.paused_until, account.pause_reason)
    assert later(120) == store.claims.next_ready_at()


def test_view_given_to_a_decision(store: Store) -> None:
    """A decision sees the post, the account with its settings, what was spent, and the moment."""
    store.accounts.set_settings(ALICE, {"gap_seconds": 60})
    store.posts.add([post()])
    seen = []
    claim_next(store, "w", LEASE_SECONDS, lambda p, view, now: seen.append((p.text, view, now)) or Take())
    text, view, now = seen[0]
    assert ("Hello", {"gap_seconds": 60}, 0, NOON) == (text, view.account.settings, view.points_last_hour, now)


@pytest.mark.parametrize(
    ("error", "code"), [(InputError("No good."), "input.invalid"), (KeyError("text"), "skywrite.bug")]
)
def test_a_post_that_cannot_be_decided_stops_no_other(
    store: Store, clock: FakeClock, error: Exception, code: str
) -> None:
    """It is held with the reason; those of its account and of others go out."""
    store.posts.add([post("bad"), post("good", due=later(1)), post("bob's", did=BOB, due=later(2))])
    clock.advance(60)

    def decide(post: Post, view: AccountView, now: datetime) -> Take:
        if post.text == "bad":
            raise error
        return Take('{"records":[]}', 3)

    assert ["bob's", "good"] == sorted(claimed(store, decide).post.text for _ in range(2))
    held = store.posts.get(1)
    assert held.problem is not None
    assert ("held", code) == (held.state, held.problem.code)


def test_a_post_in_doubt_that_cannot_be_decided_waits(store: Store, clock: FakeClock) -> None:
    """It may be on the network, so it is neither held nor lost: it is asked about again in a minute."""
    store.posts.add([post()])
    store.claims.settle(claimed(store), Retry(NOON, PROBLEM))

    def decide(post: Post, view: AccountView, now: datetime) -> Take:
        raise KeyError("text")

    assert (None, "scheduled", later(60)) == (
        claim_next(store, "w", LEASE_SECONDS, decide),
        store.posts.get(1).state,
        store.claims.next_ready_at(),
    )


def test_a_post_that_was_left_unfrozen_can_be_missed(store: Store, clock: FakeClock) -> None:
    """Its worker was lost before it sent anything; should it come back, it can neither freeze nor settle."""
    store.posts.add([post()])
    left = claimed(store, take(None))
    clock.advance(LEASE_SECONDS + 1)
    decide, _ = decide_with(Miss("held", PROBLEM))
    assert None is claim_next(store, "w", LEASE_SECONDS, decide)
    assert ("held", ["lost"]) == (store.posts.get(1).state, [one.outcome for one in store.posts.attempts(1)])
    assert (False, False) == (
        store.claims.freeze(left, "{}"),
        store.claims.settle(left, Published("at://a/b/c", "bafyc")),
    )
    assert None is store.claims.next_ready_at()


def test_claim_of_one_post(store: Store) -> None:
    """A named post may overtake those of its account that wait, but none that is being published."""
    store.posts.add([post("waits")])
    store.claims.settle(claimed(store), Retry(later(600), PROBLEM))
    urgent = store.posts.add([post("urgent")])[0].id
    claim = store.claims.claim_post(urgent, "w", LEASE_SECONDS, take())
    assert claim is not None
    second = store.posts.add([post("second")])[0].id
    assert ("urgent", None) == (claim.post.text, store.claims.claim_post(second, "w", LEASE_SECONDS, take()))
    store.claims.settle(claim, DONE)
    assert None is not store.claims.claim_post(second, "w", LEASE_SECONDS, take())


def test_claim_of_one_post_takes_up_what_was_left(store: Store, clock: FakeClock) -> None:
    """When the account has a post that a dead worker left, that one comes first."""
    left = store.posts.add([post("left")])[0].id
    claimed(store)
    urgent = store.posts.add([post("urgent")])[0].id
    clock.advance(LEASE_SECONDS)
    claim = store.claims.claim_post(urgent, "w", LEASE_SECONDS, take())
    assert claim is not None
    assert left == claim.post.id


@pytest.mark.parametrize("how", ["future", "draft", "cancelled", "published", "paused", "signed out"])
def test_claim_of_one_post_that_may_not_be_published(store: Store, how: str) -> None:
    """A named post is not claimed before its time, out of a wrong state, or while its account must wait."""
    due = {"future": later(1), "draft": None}.get(how, NOON)
    post_id = store.posts.add([post(due=due)])[0].id
    if how == "cancelled":
        store.posts.cancel(post_id)
    elif how == "published":
        store.claims.settle(claimed(store), DONE)
    elif how == "paused":
        store.accounts.change(ALICE, "paused", paused_until=later(1))
    elif how == "signed out":
        store.accounts.sign_out(ALICE)
    assert None is store.claims.claim_post(post_id, "w", LEASE_SECONDS, take())


def test_a_pause_ends_at_its_last_moment(store: Store, clock: FakeClock) -> None:
    """From then on any post of the account may be claimed, also by its number."""
    store.posts.add([post()])
    store.accounts.change(ALICE, "paused", paused_until=later(1), reason="rate limit")
    clock.set(later(1))
    claim = store.claims.claim_post(1, "w", LEASE_SECONDS, take())
    assert claim is not None
    account = store.accounts.get(ALICE)
    assert ("ok", None, None) == (account.state, account.paused_until, account.pause_reason)
    assert claim.account == account


def test_claim_of_no_post(store: Store) -> None:
    """A number that fits no post is told."""
    with fails("post.unknown", match="no post 99"):
        store.claims.claim_post(99, "w", LEASE_SECONDS, take())


def test_add_and_claim(store: Store, open_again: OpenStore) -> None:
    """A post for now is stored and claimed in one step, and is there for everybody if its process dies."""
    result, claim = store.claims.add_and_claim(post("now", key="k"), "w", LEASE_SECONDS, take("F"))
    assert claim is not None
    assert (result.id, "publishing", "F") == (claim.post.id, open_again().posts.get(result.id).state, claim.post.frozen)
    again, second = store.claims.add_and_claim(post("now", key="k"), "w", LEASE_SECONDS, take("F"))
    assert (result.id, True, None) == (again.id, again.existed, second)


def test_view_of_an_unknown_account(store: Store) -> None:
    """What a decision would see of an account that is not here is an error that names it."""
    with fails("account.unknown", match="did:plc:nobody"):
        store.claims.view("did:plc:nobody")


def test_unknown_account_of_a_post(store: Store) -> None:
    """Nothing is stored for an account that is not known."""
    with fails("account.unknown"):
        store.posts.add([post(), post(did="did:plc:nobody")])
    assert 0 == sum(store.listing.count().values())


def test_database_refuses_a_second_claim(store: Store) -> None:
    """Even a worker with broken code cannot publish two posts of one account at once: the database says no."""
    store.posts.add([post("one"), post("two")])
    claimed(store)
    with pytest.raises(StorageError), store.writing() as tx:
        item = {"id": 2, "token": 9, "frozen": None, "version": 1, "approval": "", "template": ""}
        tx.rows("take_posts", items=items_of([item]), now=NOON)
    assert ["publishing", "scheduled"] == [row["state"] for row in raw(store, "SELECT state FROM post ORDER BY id")]


def test_database_refuses_an_old_claim(store: Store) -> None:
    """What is being published is taken up only under a newer lease, and what is over under none."""
    store.posts.add([post()])
    claim = claimed(store)
    tried = [may_start(store, token=token, version=2) for token in (1, 2)]
    store.claims.settle(claim, DONE)
    assert ([False, True], False) == (tried, may_start(store, token=2, version=3))


def test_claim_values_are_plain(store: Store) -> None:
    """A claim tells when its lease ends and who holds it."""
    store.posts.add([post()])
    claim = claimed(store)
    assert ("worker-1", later(LEASE_SECONDS), ALICE) == (claim.worker, claim.lease_until, claim.account.did)
    assert (claim.lease_until, "worker-1") == (claim.account.lease_until, claim.account.lease_owner)
    assert claim._replace() == claim
