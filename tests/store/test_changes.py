"""Waking up: at once for this process, soon for any other, and cheap while nothing happens."""

from __future__ import annotations

import errno
import select
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
    assert (True, True) == (_sees(store, open_again()), POLL_SECONDS <= 0.15)


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="only Linux tells of changes by itself")
def test_change_of_another_process_is_heard(
    store: Store, open_again: OpenStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post that another process adds ends the waiting by itself: no poll has to find it."""
    monkeypatch.setattr("skywrite.queue.changes.HEARING_POLL_SECONDS", 2 * PATIENCE_SECONDS)
    assert _sees(store, open_again())


def test_without_ears_a_change_is_found(store: Store, open_again: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing tells of changes, or no more files may be open, a poll finds the post of another process."""
    monkeypatch.setattr("skywrite.queue.hearing.select.epoll", _too_many_files)
    assert _sees(store, open_again())


def _sees(store: Store, other: Store) -> bool:
    """Whether a watch ends when another process adds a post."""
    store.clock = SystemClock()
    with store.watch() as watch:
        watch.wait(0)
        other.posts.add([post()])
        return watch.wait(PATIENCE_SECONDS)


def _too_many_files() -> None:
    raise OSError(errno.EMFILE, "Too many open files")


def test_what_is_heard_is_looked_at(store: Store, clock: FakeClock) -> None:
    """A sound alone is no change: a watch that hears something looks, and waits on."""
    with store.watch() as watch:
        watch.wait(0)
        watch._hear()
        assert not watch.wait(30)


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
    """In a minute the database is looked at no more than a hundred times."""
    with store.watch() as watch:
        watch.wait(0)
        looks = 0
        detected = watch._detected

        def counted() -> bool:
            nonlocal looks
            looks += 1
            return detected()

        monkeypatch.setattr(watch, "_detected", counted)
        assert not watch.wait(60)
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
