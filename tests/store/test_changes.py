"""Waking up: at once for this process, soon for any other, and cheap while nothing happens."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from skywrite.core.clock import FakeClock, SystemClock
from skywrite.queue.changes import POLL_SECONDS
from skywrite.queue.store import Store
from tests.support.postgres import PostgresServer
from tests.support.processes import PATIENCE_SECONDS
from tests.support.stored import OpenAt, OpenStore, claimed, post


class PatientClock(SystemClock):
    """A clock that waits for an event alone, however short the time it is given, and notes whether it came.

    While it waits, another thread does its `work`.
    """

    def __init__(self, work: Callable[[], object]) -> None:
        self.woken: list[bool] = []
        self._work = work

    def wait(self, event: threading.Event, timeout_seconds: float) -> bool:
        other = threading.Thread(target=self._work)
        other.start()
        self.woken.append(event.wait(PATIENCE_SECONDS))
        other.join()
        return self.woken[-1]


def test_nothing_changed(store: Store, clock: FakeClock) -> None:
    """Without changes a watch waits for as long as it was told, and says so."""
    with store.watch() as watch:
        before = clock.monotonic()
        assert (False, True) == (watch.wait(30), clock.monotonic() - before >= 30)


def test_own_change_wakes_at_once(store: Store) -> None:
    """A post that is added in this process ends the waiting by itself: no poll has to find it."""
    store.clock = clock = PatientClock(lambda: store.posts.add([post()]))
    with store.watch() as watch:
        assert (True, [True]) == (watch.wait(60), clock.woken)


def test_change_between_looking_and_waiting(store: Store) -> None:
    """A change that comes after the watch was made, and before it waits, is not missed."""
    with store.watch() as watch:
        store.posts.add([post()])
        assert watch.wait(0)


def test_change_of_another_process_is_seen(store: Store, open_again: OpenStore) -> None:
    """A post that another process adds is found by polling, which happens more often than every 200 ms."""
    other = open_again()
    store.clock = SystemClock()
    with store.watch() as watch:
        watch.wait(0)
        other.posts.add([post()])
        assert (True, True) == (watch.wait(PATIENCE_SECONDS), POLL_SECONDS <= 0.15)


def test_settling_wakes(store: Store) -> None:
    """The end of a post wakes those who wait for the next one of its account."""
    store.posts.add([post(), post("two")])
    claim = claimed(store)
    with store.watch() as watch:
        watch.wait(0)
        store.claims.release(claim)
        assert watch.wait(0)


def test_wake(store: Store) -> None:
    """A stopping program ends the waiting of its threads."""
    with store.watch() as watch:
        watch.wake()
        assert watch.wait(60)


def test_polling_is_cheap(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """In ten seconds the database is looked at no more than a hundred times."""
    with store.watch() as watch:
        watch.wait(0)
        looks = 0
        detected = watch._detected

        def counted() -> bool:
            nonlocal looks
            looks += 1
            return detected()

        monkeypatch.setattr(watch, "_detected", counted)
        assert not watch.wait(10)
    assert 50 <= looks <= 101


def test_postgres_goes_away(stoppable: PostgresServer, postgres_address: str, open_at: OpenAt) -> None:
    """A watch survives the server's restart, and says that something may have changed meanwhile."""
    store = open_at(postgres_address)
    with store.watch() as watch:
        watch.wait(0)
        stoppable.stop()
        down = [watch.wait(1) for _ in range(2)]
        stoppable.restart()
        assert (False, True) == (down[-1], watch.wait(1))
