"""Notices in both databases: each trouble is noted once, whoever reads the events, and said by one worker at a time."""

from __future__ import annotations

from datetime import timedelta

from skywrite.core.clock import FakeClock
from skywrite.features.notices.store import Notices
from skywrite.queue.store import Store
from tests.support.stored import post

WORDS = "it is held"


def test_each_trouble_is_noted_once(store: Store) -> None:
    """Also where two workers read the same events."""
    notices = Notices(store)
    channel = notices.add("command", {"command": "true"})
    store.posts.add([post()])
    store.posts.hold(1)
    assert [1, 1] == [notices.collect(channel, lambda event: WORDS) for _ in range(2)]
    waiting = notices.claim(60, lambda channel: False)
    assert waiting is not None and (WORDS,) == waiting.said
    assert None is notices.claim(60, lambda channel: False)
    notices.settle(waiting)
    (trouble,) = notices.open(channel)
    assert ("post.held 1", 1) == (trouble.name, trouble.subject_id)
    notices.close(channel, trouble, "over")
    notices.close(channel, trouble, "over")
    again = notices.claim(60, lambda channel: False)
    assert again is not None and ("over",) == again.said


def test_a_worker_that_died_while_sending_loses_nothing(store: Store, clock: FakeClock) -> None:
    """Its lease ends, and another one sends; the late one changes nothing."""
    notices = Notices(store)
    channel = notices.add("command", {"command": "true"})
    store.posts.add([post()])
    store.posts.hold(1)
    notices.collect(channel, lambda event: WORDS)
    dead = notices.claim(60, lambda channel: False)
    clock.advance(61)
    alive = notices.claim(60, lambda channel: False)
    assert dead is not None and alive is not None
    notices.settle(dead, "too late")
    notices.settle(alive)
    assert None is notices.get(channel.id).error
    clock.advance(timedelta(days=8).total_seconds())
    assert 1 == notices.prune(clock.now())


def test_what_happened_before_is_not_noticed(store: Store) -> None:
    """A new channel begins with what comes."""
    store.posts.add([post()])
    store.posts.hold(1)
    channel = Notices(store).add("command", {"command": "true"})
    assert 0 == Notices(store).collect(channel, lambda event: WORDS)
    Notices(store).remove(channel.id)
    assert [] == Notices(store).all()
