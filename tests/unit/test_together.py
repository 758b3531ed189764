"""Claiming and settling together: one transaction for all that wait, and each its own answer."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import chain, count
from typing import Any

import pytest

from skywrite.core.errors import StorageError
from skywrite.posting.publish import together
from skywrite.posting.publish.together import Claiming, Settling, _Item
from skywrite.queue.settling import Settlement

PATIENCE_SECONDS = 240
FOREVER_SECONDS = 600


class Store:
    """Notes what is settled, and waits for `go_on` before each transaction ends."""

    def __init__(self) -> None:
        self.go_on = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.batches: list[list[Any]] = []
        self.broken: set[Any] = set()
        # The part of a store that settles.
        self.claims = self

    def settle(self, claim: Any, outcome: Any, *, account: Any = None) -> bool:
        return self.settle_some([Settlement(claim, outcome, account)])[0]

    def settle_some(self, results: list[Settlement]) -> list[bool]:
        self.begun.release()
        assert self.go_on.acquire(timeout=PATIENCE_SECONDS)
        claims: list[Any] = [one.claim for one in results]
        if self.broken & set(claims):
            raise StorageError("no")
        self.batches.append(claims)
        return [claim != "lost" for claim in claims]


def in_thread(action: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    return thread


def until(is_so: Callable[[], bool]) -> None:
    limit = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < limit
        threading.Event().wait(0.001)


@pytest.fixture
def store() -> Store:
    """A store whose transactions end at once."""
    store = Store()
    store.go_on.release(100)
    return store


def settled_together(store: Store, first: str, *others: str) -> dict[str, object]:
    """One is in its transaction when the others come: what each is told."""
    settling = Settling(store)  # type: ignore[arg-type]
    answers: dict[str, object] = {}

    def settle(claim: Any) -> None:
        try:
            answers[claim] = settling.settle(claim, None)  # type: ignore[arg-type]
        except StorageError as error:
            answers[claim] = error.name

    threads = [in_thread(partial(settle, first))]
    assert store.begun.acquire(timeout=PATIENCE_SECONDS)
    threads += [in_thread(partial(settle, claim)) for claim in others]
    until(lambda: len(settling._waiting) == len(others))
    store.go_on.release(100)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    return answers


def test_those_who_wait_are_settled_in_one_transaction() -> None:
    """While one waits for the disk, the others gather; each hears whether its claim was still its own."""
    store = Store()
    answers = settled_together(store, "a", "b", "lost", "c")
    assert {"a": True, "b": True, "lost": False, "c": True} == answers
    assert (["a"], ["b", "c", "lost"], 2) == (store.batches[0], sorted(store.batches[1]), len(store.batches))


@pytest.mark.parametrize("broken", ["b", "c"])
def test_the_trouble_of_one_is_not_that_of_the_others(broken: str) -> None:
    """Where the transaction fails, each is settled alone, and only one hears of the error."""
    store = Store()
    store.broken = {broken}
    answers = settled_together(store, "a", "b", "c", "d")
    assert {"a": True, "b": True, "c": True, "d": True} | {broken: "StorageError"} == answers
    assert ["a", "b", "c", "d"] == sorted([*chain.from_iterable(store.batches), broken])


@pytest.mark.parametrize(("busy", "wanted"), [(1, 1), (2, 1), (3, 2), (4, 2), (5, 3)])
def test_half_of_the_busy_threads_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, store: Store, busy: int, wanted: int
) -> None:
    """They share the transaction, and how many they are is told."""
    monkeypatch.setattr(together, "GATHER_SECONDS", FOREVER_SECONDS)
    shared: list[int] = []
    settling = Settling(store, lambda: busy, shared.append)  # type: ignore[arg-type]
    threads = []
    for number in range(wanted):
        assert [] == store.batches
        threads.append(in_thread(partial(settling.settle, number, None)))  # type: ignore[arg-type]
        until(lambda came=number + 1: len(settling._waiting) == came or bool(store.batches))  # type: ignore[misc]
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    expected = ([list(range(wanted))], [wanted] if wanted > 1 else [])
    assert expected == ([sorted(batch) for batch in store.batches], shared)


def test_nobody_is_waited_for_long(monkeypatch: pytest.MonkeyPatch, store: Store) -> None:
    """After some milliseconds, whoever is there is settled."""
    monkeypatch.setattr(together, "GATHER_SECONDS", 0.001)
    assert Settling(store, lambda: 100).settle("a", None)  # type: ignore[arg-type]
    assert [["a"]] == store.batches


def test_a_transaction_settles_sixty_four_at_most(store: Store) -> None:
    """Those that came later are in the next one, and nobody is in none."""
    settling = Settling(store)  # type: ignore[arg-type]
    settling._waiting.extend(_Item(number, None, None) for number in range(70))  # type: ignore[arg-type]
    assert settling.settle("first", None)  # type: ignore[arg-type]
    assert settling.settle("second", None)  # type: ignore[arg-type]
    assert [["first", *range(63)], ["second", *range(63, 70)]] == store.batches


class Queue:
    """Gives out numbers as claims, notes how many were asked for, and waits for `go_on` before each claim."""

    def __init__(self, *counts: int) -> None:
        self.go_on = threading.Semaphore(0)
        self.asked: list[int] = []
        self._counts, self._numbers = iter(counts), count(1)

    def claim(self, most: int) -> list[Any]:
        self.asked.append(most)
        assert self.go_on.acquire(timeout=PATIENCE_SECONDS)
        return [next(self._numbers) for _ in range(next(self._counts))]


def claimed(claiming: Claiming, into: list[Any], threads: int) -> list[threading.Thread]:
    return [in_thread(lambda: into.append(claiming.next())) for _ in range(threads)]


def test_one_thread_claims_for_all_that_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """While one is in its transaction others come: the next one is for all of them, and each gets a post of its own."""
    monkeypatch.setattr(together, "GATHER_SECONDS", FOREVER_SECONDS)
    queue, got = Queue(1, 2, 0), list[Any]()
    claiming = Claiming(queue.claim)
    threads = claimed(claiming, got, 1)
    until(lambda: queue.asked == [1])
    threads += claimed(claiming, got, 3)
    until(lambda: claiming._asking == 3)
    queue.go_on.release(3)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    assert ([1, 3, 1], [1, 2, 3, None]) == (queue.asked, sorted(got, key=lambda claim: (claim is None, claim)))


def test_those_who_settled_together_claim_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first one waits until the others have come, and the next time for nobody."""
    monkeypatch.setattr(together, "GATHER_SECONDS", FOREVER_SECONDS)
    queue, got = Queue(2, 0), list[Any]()
    queue.go_on.release(2)
    claiming = Claiming(queue.claim)
    claiming.expect(2)
    threads = claimed(claiming, got, 1)
    until(lambda: claiming._asking == 1)
    assert [] == queue.asked
    threads += claimed(claiming, got, 1)
    for thread in threads:
        thread.join(PATIENCE_SECONDS)
    threads = claimed(claiming, got, 1)
    threads[0].join(PATIENCE_SECONDS)
    assert ([1, 2, None], [2, 1]) == ([*sorted(got[:2]), *got[2:]], queue.asked)


def test_those_who_do_not_come_are_waited_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """After some milliseconds, whoever is there claims."""
    monkeypatch.setattr(together, "GATHER_SECONDS", 0.001)
    queue, got = Queue(1, 1), list[Any]()
    queue.go_on.release(2)
    claiming = Claiming(queue.claim)
    claiming.expect(3)
    got.append(claiming.next())
    monkeypatch.setattr(together, "GATHER_SECONDS", FOREVER_SECONDS)
    claimed(claiming, got, 1)[0].join(PATIENCE_SECONDS)
    assert ([1, 2], [1, 1]) == (got, queue.asked)
