"""Settling together: one transaction for all that wait, and each its own answer."""

from __future__ import annotations

import threading
from itertools import chain
from typing import Any

import pytest

from skywrite.errors import StorageError
from skywrite.publish.together import Settling, _Item
from skywrite.queue.settling import Settlement

PATIENCE_SECONDS = 240


class Store:
    """Notes what is settled, and waits for `go_on` before each transaction ends."""

    def __init__(self) -> None:
        self.go_on = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.batches: list[list[Any]] = []
        self.broken: set[Any] = set()

    def settle(self, claim: Any, outcome: Any, *, account: Any = None) -> bool:
        return self.settle_some([Settlement(claim, outcome, account)])[0]

    def settle_some(self, results: list[Settlement]) -> list[bool]:
        self.begun.release()
        assert self.go_on.acquire(timeout=PATIENCE_SECONDS)
        claims = [one.claim for one in results]
        if self.broken & set(claims):
            raise StorageError("no")
        self.batches.append(claims)
        return [claim != "lost" for claim in claims]


def settled_together(store: Store, first: str, *others: str) -> dict[str, object]:
    """One is in its transaction when the others come: what each is told."""
    settling, answers = Settling(store), {}  # type: ignore[arg-type,var-annotated]

    def settle(claim: Any) -> None:
        try:
            answers[claim] = settling.settle(claim, None)  # type: ignore[arg-type]
        except StorageError as error:
            answers[claim] = error.name

    threads = [threading.Thread(target=settle, args=(claim,)) for claim in (first, *others)]
    threads[0].start()
    assert store.begun.acquire(timeout=PATIENCE_SECONDS)
    for thread in threads[1:]:
        thread.start()
    while len(settling._waiting) < len(others):
        threading.Event().wait(0.001)
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


def test_others_are_waited_for_after_a_transaction_that_was_shared() -> None:
    """Not for the first one, nor after one that was for one alone."""
    store, gathered = Store(), list[int]()
    store.go_on.release(100)
    settling = Settling(store, lambda: gathered.append(len(store.batches)))  # type: ignore[arg-type]

    def settle(claim: Any) -> None:
        assert settling.settle(claim, None)  # type: ignore[arg-type]

    settle("alone")
    settle("alone again")
    settling._waiting.append(_Item("other", None, None))  # type: ignore[arg-type]
    settle("with the other")
    settle("after it")
    settle("and after that")
    assert [3] == gathered


def test_a_transaction_settles_sixty_four_at_most() -> None:
    """Those that came later are in the next one, and nobody is in none."""
    store = Store()
    store.go_on.release(100)
    settling = Settling(store)  # type: ignore[arg-type]
    settling._waiting.extend(_Item(number, None, None) for number in range(70))  # type: ignore[arg-type]
    assert settling.settle("first", None)  # type: ignore[arg-type]
    assert settling.settle("second", None)  # type: ignore[arg-type]
    assert [["first", *range(63)], ["second", *range(63, 70)]] == store.batches
