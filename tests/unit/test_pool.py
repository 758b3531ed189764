"""Threads by need."""

from __future__ import annotations

import threading

import pytest

from skywrite.posting.publish.pool import Pool

PATIENCE_SECONDS = 240


def test_no_more_threads_than_there_is_work_for() -> None:
    """At rest there is none; one wake-up after the other is worked off by one."""
    done = threading.Semaphore(0)
    pool = Pool(8, done.release)
    assert 0 == pool.size
    for _ in range(5):
        pool.wake()
        assert done.acquire(timeout=PATIENCE_SECONDS)
        pool.wait()
    assert (1, False) == (pool.size, done.acquire(blocking=False))
    pool.close()


class Gate:
    """Work that says that it has begun, and ends when it may."""

    def __init__(self) -> None:
        self.begun, self.go_on = threading.Semaphore(0), threading.Event()
        self.names: list[str] = []

    def work(self) -> None:
        self.names.append(threading.current_thread().name)
        self.begun.release()
        self.go_on.wait()

    def busy(self, pool: Pool, number: int) -> None:
        """Let so many threads begin."""
        for _ in range(number):
            pool.wake()
        for _ in range(number):
            assert self.begun.acquire(timeout=PATIENCE_SECONDS)


@pytest.mark.parametrize(("woken", "worked"), [(1, 4), (2, 5), (3, 6), (10, 6)])
def test_as_many_as_work_at_once_up_to_the_limit(woken: int, worked: int) -> None:
    """Nobody waits for a thread while there may be more of them. What comes then is done later: each of them works
    once more at most, since it looks for everything that is to be done.
    """
    gate = Gate()
    pool = Pool(3, gate.work)
    gate.busy(pool, 3)
    # All of them are at work now, so what comes waits. Before that, it would only join what nobody has begun yet.
    assert pool.is_full
    for _ in range(woken):
        pool.wake()
    assert (3, True, False) == (pool.size, pool.is_full, gate.begun.acquire(blocking=False))
    gate.go_on.set()
    pool.wait()
    assert (worked, False) == (len(gate.names), pool.is_full)
    pool.close()


def test_threads_are_named_by_what_they_are_for() -> None:
    """And numbered, so that they can be told apart in a log."""
    gate = Gate()
    pool = Pool(2, gate.work, name="feed")
    gate.busy(pool, 2)
    gate.go_on.set()
    pool.close()
    assert ["feed-1", "feed-2"] == sorted(gate.names)


def test_waiting_for_all_waits_for_what_nobody_has_begun() -> None:
    """Whoever wakes a thread and waits finds its work done."""
    done: list[int] = []
    pool = Pool(1, lambda: done.append(1))
    counts = []
    for _ in range(50):
        pool.wake()
        pool.wait()
        counts.append(len(done))
    pool.close()
    assert [*range(1, 51)] == counts


def test_nobody_waits_for_a_thread_that_broke(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its error is its own; the next one to be woken is another thread."""
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    gate, threads = Gate(), []

    def work() -> None:
        threads.append(threading.current_thread())
        gate.work()
        raise ValueError

    pool = Pool(1, work)
    gate.busy(pool, 1)
    # While this thread holds the lock, the other one cannot end before it is waited for.
    with pool._news:
        gate.go_on.set()
        pool.wait()
    assert 0 == pool.size
    threads[0].join()


def test_a_thread_that_rests_for_long_ends() -> None:
    """A worker with nothing to do keeps no thread for it."""
    pool = Pool(2, lambda: None, rest_seconds=0)
    pool.wake()
    for thread in [thread for thread in threading.enumerate() if thread.name.startswith("publish-")]:
        thread.join(PATIENCE_SECONDS)
    assert 0 == pool.size


def test_closing_begins_nothing_new() -> None:
    """What is at work is finished."""
    done = []
    pool = Pool(2, lambda: done.append(1))
    pool.wake()
    pool.wait()
    pool.close()
    pool.wake()
    assert ([1], 0) == (done, pool.size)
