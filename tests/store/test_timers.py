"""Timers: each occurrence is run by one worker, and a run's posts are stored with what it came to, or not at all."""

from __future__ import annotations

import threading

from skywrite.core.clock import FakeClock
from skywrite.queue.store import Store
from skywrite.queue.timers import NewTimer, TimerResult
from tests.store.support import ALICE, NOON, PROBLEM, OpenStore, later, post
from tests.support.errors import fails

WATCH = NewTimer("command", "echo hello", ALICE, "0 9 * * *", "UTC", 3600, later(60), {"folder": "/", "jsonl": False})
FUNCTION = NewTimer("function", "weather", None, "0 9 * * *", "UTC", 3600, later(60))


def test_round_trip(store: Store) -> None:
    """A timer comes back as it was handed over, not run yet; one that is removed is gone."""
    timer = store.add_timer(WATCH)
    for name in NewTimer._fields:
        assert getattr(WATCH, name) == getattr(timer, name)
    assert (None, None, None) == (timer.ran_at, timer.outcome, timer.occurrence)
    assert [timer] == store.timers()
    assert timer == store.remove_timer(timer.id)
    with fails("command.unknown", match="no scheduled command"):
        store.timer(timer.id)


def test_functions_keep_their_place(store: Store) -> None:
    """A function that is told again keeps its next occurrence; with another rule it begins anew. Commands add up."""
    timer = store.add_timer(FUNCTION)
    again = store.add_timer(FUNCTION._replace(next_at=later(9999)))
    assert (timer.id, later(60)) == (again.id, again.next_at)
    changed = store.add_timer(FUNCTION._replace(rule="0 10 * * *", account_did=ALICE, next_at=later(9999)))
    assert (timer.id, later(9999), ALICE) == (changed.id, changed.next_at, changed.account_did)
    assert 2 == len({store.add_timer(WATCH).id, store.add_timer(WATCH).id})


def test_one_of_many_claims(store: Store, open_again: OpenStore) -> None:
    """Of eight workers that want the same occurrence one gets it."""
    timer = store.add_timer(WATCH)
    stores = [open_again() for _ in range(8)]
    ready = threading.Barrier(8)
    claims = []

    def claim(number: int) -> None:
        ready.wait()
        claims.append(stores[number].claim_timer(timer, later(60), f"worker-{number}", later(300)))

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 1 == sum(found is not None for found in claims)


def test_run_and_posts_together(store: Store) -> None:
    """A run's posts are stored with its outcome, and the next occurrence is waited for."""
    timer = store.add_timer(WATCH)
    claim = store.claim_timer(timer, later(60), "worker-1", later(300))
    assert claim is not None
    added = store.finish_timer(claim, later(120), TimerResult("posted", [post("a"), post("b")], printed_hash="x"))
    assert added is not None and 2 == len(added)
    done = store.timer(timer.id)
    assert (later(60), later(120), "posted", "x", NOON) == (
        done.occurrence,
        done.next_at,
        done.outcome,
        done.printed_hash,
        done.ran_at,
    )
    assert (None, None) == (done.lease_owner, done.lease_until)
    assert ["a", "b"] == [one.text for one in store.posts()]


def test_error_is_kept_and_cleared(store: Store) -> None:
    """A failed run keeps its reason and the last output; the next good one clears the reason."""
    timer = store.add_timer(WATCH)
    store.note_timer(timer.id, TimerResult("posted", printed_hash="x"))
    store.note_timer(timer.id, TimerResult("failed", problem=PROBLEM))
    failed = store.timer(timer.id)
    assert (PROBLEM, "x", later(60)) == (failed.problem, failed.printed_hash, failed.next_at)
    store.note_timer(timer.id, TimerResult("nothing"))
    assert None is store.timer(timer.id).problem


def test_overtaken_run_stores_nothing(store: Store, clock: FakeClock) -> None:
    """A worker that slept beyond its lease stores neither posts nor an outcome: another has run the occurrence."""
    timer = store.add_timer(WATCH)
    slow = store.claim_timer(timer, later(60), "slow", later(100))
    assert slow is not None
    assert None is store.claim_timer(store.timer(timer.id), later(60), "other", later(300))
    clock.advance(101)
    quick = store.claim_timer(store.timer(timer.id), later(60), "other", later(300))
    assert quick is not None
    assert None is store.finish_timer(slow, later(120), TimerResult("posted", [post("slow")]))
    store.finish_timer(quick, later(120), TimerResult("posted", [post("quick")]))
    assert None is store.finish_timer(slow, later(120), TimerResult("posted", [post("slow")]))
    assert ["quick"] == [one.text for one in store.posts()]


def test_dead_holder(store: Store) -> None:
    """The lease of a worker that is known to be gone counts no more; that of another does."""
    timer = store.add_timer(WATCH)
    store.claim_timer(timer, later(60), "dead", later(300))
    held = store.timer(timer.id)
    assert None is store.claim_timer(held, later(60), "other", later(300), dead="somebody")
    assert None is not store.claim_timer(held, later(60), "other", later(300), dead="dead")


def test_a_claim_is_held_on_to(store: Store, clock: FakeClock) -> None:
    """A renewed claim keeps others away for as long as it says; one that is lost or finished is not renewed."""
    timer = store.add_timer(WATCH)
    claim = store.claim_timer(timer, later(60), "slow", later(100))
    assert claim is not None and store.renew_timer(claim, later(200))
    clock.advance(150)
    assert None is store.claim_timer(store.timer(timer.id), later(60), "other", later(300))
    clock.advance(50)
    taken = store.claim_timer(store.timer(timer.id), later(60), "other", later(300))
    assert taken is not None
    assert [False, True] == [store.renew_timer(one, later(400)) for one in (claim, taken)]
    store.finish_timer(taken, later(500), TimerResult("nothing"))
    assert (False, None) == (store.renew_timer(taken, later(400)), store.timer(timer.id).lease_until)


def test_all_posts_or_none(store: Store) -> None:
    """When one post of a run cannot be stored, none is, and the run is still to be finished."""
    timer = store.add_timer(WATCH)
    claim = store.claim_timer(timer, later(60), "worker-1", later(300))
    assert claim is not None
    with fails("media.unknown"):
        store.finish_timer(claim, None, TimerResult("posted", [post("a"), post("b", media=("bafynone",))]))
    assert ([], "worker-1") == (store.posts(), store.timer(timer.id).lease_owner)


def test_moved_by_one(store: Store) -> None:
    """Missed occurrences are left out once: who saw an older state changes nothing, and nobody moves a run."""
    timer = store.add_timer(WATCH)
    assert (True, False) == (store.move_timer(timer, later(600)), store.move_timer(timer, later(900)))
    moved = store.timer(timer.id)
    store.claim_timer(moved, later(600), "worker-1", later(300))
    assert (False, later(600)) == (store.move_timer(moved, None), store.timer(timer.id).next_at)


def test_moved_out_of_dead_hands(store: Store) -> None:
    """Who is known to be gone keeps no occurrence from being left out, and stores nothing of it any more."""
    timer = store.add_timer(WATCH)
    claim = store.claim_timer(timer, later(60), "dead", later(300))
    held = store.timer(timer.id)
    assert [False, True] == [store.move_timer(held, later(600), dead=name) for name in ("somebody", "dead")]
    moved = store.timer(timer.id)
    assert claim is not None
    assert (None, later(600), None) == (
        moved.lease_until,
        moved.next_at,
        store.finish_timer(claim, None, TimerResult("same")),
    )


def test_removed_while_it_runs(store: Store) -> None:
    """A run of a watch that was removed meanwhile posts nothing; watches of a forgotten account go with it."""
    timer = store.add_timer(WATCH)
    claim = store.claim_timer(timer, later(60), "worker-1", later(300))
    store.remove_timer(timer.id)
    assert claim is not None
    assert (None, []) == (store.finish_timer(claim, None, TimerResult("posted", [post("a")])), store.posts())
    store.add_timer(WATCH)
    store.remove_account(ALICE)
    assert [] == store.timers()
