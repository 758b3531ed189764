"""Threads by need."""

from __future__ import annotations

import threading

from skywrite.publish.pool import Pool

PATIENCE_SECONDS = 20


def test_no_more_threads_than_there_is_work_for() -> None:
    """At rest there is none; one wake-up after the other is worked off by one."""
    done = threading.Semaphore(0)
    pool = Pool(8, done.release)
    assert 0 == pool.size
    for _ in range(5):
        pool.wake()
        assert done.acquire(timeout=PATIENCE_SECONDS)
        pool.wait()
    assert 1 == pool.size
    pool.close()


def test_as_many_as_work_at_once_up_to_the_limit() -> None:
    """Nobody waits for a thread while there may be more of them; what comes then is done later."""
    begun, go_on = threading.Semaphore(0), threading.Event()

    def work() -> None:
        begun.release()
        go_on.wait()

    pool = Pool(3, work)
    for _ in range(3):
        pool.wake()
    for _ in range(3):
        assert begun.acquire(timeout=PATIENCE_SECONDS)
    # All of them are at work now, so what comes waits. Before that, it would only join what nobody has begun yet.
    assert pool.is_full
    pool.wake()
    pool.wake()
    size, more = pool.size, begun.acquire(blocking=False)
    go_on.set()
    assert (3, False, True) == (size, more, begun.acquire(timeout=PATIENCE_SECONDS))
    pool.wait()
    assert not pool.is_full
    pool.close()


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
