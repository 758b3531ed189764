"""Timers: each occurrence is run by one worker, and a run's posts are stored with what it came to, or not at all."""

from __future__ import annotations

import threading

from skywrite.core.clock import FakeClock
from skywrite.queue.store import Store
from skywrite.queue.timers import NewTimer, TimerResult
from tests.support.errors import fails
from tests.support.stored import ALICE, NOON, PROBLEM, OpenStore, later, post

WATCH = NewTimer("command", "echo hello", ALICE, "0 9 * * *", "UTC", 3600, later(60), {"folder": "/", "jsonl": False})
FUNCTION = NewTimer("function", "weather", None, "0 9 * * *", "UTC", 3600, later(60))


def test_round_trip(store: Store) -> None:
    """A timer comes back as it was handed over, not run yet; one that is removed is gone."""
    timer = store.timers.add(WATCH)
    for name in NewTimer._fields:
        assert getattr(WATCH, name) == getattr(timer, name)
    assert (None, None, None) == (timer.ran_at, timer.outcome, timer.occurrence)
    assert [timer] == store.timers.all()
    assert timer == store.timers.remove(timer.id)
    with fails("command.unknown", match="no scheduled command"):
        store.timers.get(timer.id)


def test_functions_keep_their_place(store: Store) -> None:
    """A function that is told again keeps its next occurrence; with another rule it begins anew. Commands add up."""
    timer = store.timers.add(FUNCTION)
    again = store.timers.add(FUNCTION._replace(next_at=later(9999)))
    assert (timer.id, later(60)) == (again.id, again.next_at)
    changed = store.timers.add(FUNCTION._replace(rule="0 10 * * *", account_did=ALICE, next_at=later(9999)))
    assert (timer.id, later(9999), ALICE) == (changed.id, changed.next_at, changed.account_did)
    assert 2 == len({store.timers.add(WATCH).id, store.timers.add(WATCH).id})


def test_one_of_many_claims(store: Store, open_again: OpenStore) -> None:
    """Of eight workers that want the same occurrence one gets it."""
    timer = store.timers.add(WATCH)
    stores = [open_again() for _ in range(8)]
    ready = threading.Barrier(8)
    claims = []

    def claim(number: int) -> None:
        ready.wait()
        claims.append(stores[number].timers.claim(timer, later(60), f"worker-{number}", later(300)))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == sum(outcome is not None for outcome in claims)


def test_run_and_posts_together(store: Store) -> None:
    """A run's posts are stored with its outcome, and the next occurrence is waited for."""
    timer = store.timers.add(WATCH)
    claim = store.timers.claim(timer, later(60), "worker-1", later(300))
    assert claim is not None
    added = store.timers.finish(claim, later(120), TimerResult("posted", [post("a"), post("b")], printed_hash="x"))
    assert added is not None and 2 == len(added)
    done = store.timers.get(timer.id)
    assert (later(60), later(120), "posted", "x", NOON) == (
        done.occurrence,
        done.next_at,
        done.outcome,
        done.printed_hash,
        done.ran_at,
    )
    assert (None, None) == (done.lease_owner, done.lease_until)
    assert ["a", "b"] == [one.text for one in store.listing.posts()]


def test_error_is_kept_and_cleared(store: Store) -> None:
    """A failed run keeps its reason and the last output; the next good one clears the reason."""
    timer = store.timers.add(WATCH)
    store.timers.note(timer.id, TimerResult("posted", printed_hash="x"))
    store.timers.note(timer.id, TimerResult("failed", problem=PROBLEM))
    failed = store.timers.get(timer.id)
    assert (PROBLEM, "x", later(60)) == (failed.problem, failed.printed_hash, failed.next_at)
    store.timers.note(timer.id, TimerResult("nothing"))
    assert None is store.timers.get(timer.id).problem


def test_overtaken_run_stores_nothing(store: Store, clock: FakeClock) -> None:
    """A worker that slept beyond its lease stores neither posts nor an outcome: another has run the occurrence."""
    timer = store.timers.add(WATCH)
    slow = store.timers.claim(timer, later(60), "slow", later(100))
    assert slow is not None
    assert None is store.timers.claim(store.timers.get(timer.id), later(60), "other", later(300))
    clock.advance(101)
    quick = store.timers.claim(store.timers.get(timer.id), later(60), "other", later(300))
    assert quick is not None
    assert None is store.timers.finish(slow, later(120), TimerResult("posted", [post("slow")]))
    store.timers.finish(quick, later(120), TimerResult("posted", [post("quick")]))
    assert None is store.timers.finish(slow, later(120), TimerResult("posted", [post("slow")]))
    assert ["quick"] == [one.text for one in store.listing.posts()]


def test_dead_holder(store: Store) -> None:
    """The lease of a worker that is known to be gone counts no more; that of another does."""
    timer = store.timers.add(WATCH)
    store.timers.claim(timer, later(60), "dead", later(300))
    held = store.timers.get(timer.id)
    assert None is store.timers.claim(held, later(60), "other", later(300), dead="somebody")
    assert None is not store.timers.claim(held, later(60), "other", later(300), dead="dead")


def test_a_claim_is_held_on_to(store: Store, clock: FakeClock) -> None:
    """A renewed claim keeps others away for as long as it says; one that is lost or finished is not renewed."""
    timer = store.timers.add(WATCH)
    claim = store.timers.claim(timer, later(60), "slow", later(100))
    assert claim is not None and store.timers.renew(claim, later(200))
    clock.advance(150)
    assert None is store.timers.claim(store.timers.get(timer.id), later(60), "other", later(300))
    clock.advance(50)
    taken = store.timers.claim(store.timers.get(timer.id), later(60), "other", later(300))
    assert taken is not None
    assert [False, True] == [store.timers.renew(one, later(400)) for one in (claim, taken)]
    store.timers.finish(taken, later(500), TimerResult("nothing"))
    assert (False, None) == (store.timers.renew(taken, later(400)), store.timers.get(timer.id).lease_until)


def test_all_posts_or_none(store: Store) -> None:
    """When one post of a run cannot be stored, none is, and the run is still to be finished."""
    timer = store.timers.add(WATCH)
    claim = store.timers.claim(timer, later(60), "worker-1", later(300))
    assert claim is not None
    with fails("media.unknown"):
        store.timers.finish(claim, None, TimerResult("posted", [post("a"), post("b", media=("bafynone",))]))
    assert ([], "worker-1") == (store.listing.posts(), store.timers.get(timer.id).lease_owner)


def test_moved_by_one(store: Store) -> None:
    """Missed occurrences are left out once: who saw an older state changes nothing, and nobody moves a run."""
    timer = store.timers.add(WATCH)
    assert (True, False) == (store.timers.move(timer, later(600)), store.timers.move(timer, later(900)))
    moved = store.timers.get(timer.id)
    store.timers.claim(moved, later(600), "worker-1", later(300))
    assert (False, later(600)) == (store.timers.move(moved, None), store.timers.get(timer.id).next_at)


def test_moved_out_of_dead_hands(store: Store) -> None:
    """Who is known to be gone keeps no occurrence from being left out, and stores nothing of it any more."""
    timer = store.timers.add(WATCH)
    claim = store.timers.claim(timer, later(60), "dead", later(300))
    held = store.timers.get(timer.id)
    assert [False, True] == [store.timers.move(held, later(600), dead=name) for name in ("somebody", "dead")]
    moved = store.timers.get(timer.id)
    assert claim is not None
    assert (None, later(600), None) == (
        moved.lease_until,
        moved.next_at,
        store.timers.finish(claim, None, TimerResult("same")),
    )


def test_removed_while_it_runs(store: Store) -> None:
    """A run of a watch that was removed meanwhile posts nothing; watches of a forgotten account go with it."""
    timer = store.timers.add(WATCH)
    claim = store.timers.claim(timer, later(60), "worker-1", later(300))
    store.timers.remove(timer.id)
    assert claim is not None
    assert (None, []) == (store.timers.finish(claim, None, TimerResult("posted", [post("a")])), store.listing.posts())
    store.timers.add(WATCH)
    store.accounts.remove(ALICE)
    assert [] == store.timers.all()
