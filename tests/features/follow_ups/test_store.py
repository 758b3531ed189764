"""Follow-ups and repeated reposts as they are stored, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest

from skywrite.queue.actions import Actions, Repeat
from skywrite.queue.authors import written_by
from skywrite.queue.events import Events
from skywrite.queue.follow_ups import FollowUps
from skywrite.queue.marks import Marks, ToMark
from skywrite.queue.model import Published
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.stored import ALICE, LEASE_SECONDS, NOON, claimed, post, take


@pytest.fixture
def out(store: Store) -> Store:
    """A store with a post that is published."""
    store.posts.add([post()])
    store.claims.settle(claimed(store), Published("at://did:plc:alice/app.bsky.feed.post/1", "bafyone"))
    return store


def count(store: Store, likes: int | None, age_hours: int) -> None:
    """What was counted at an age."""
    counts = None if likes is None else {"likes": likes, "reposts": 1, "replies": 2, "quotes": 3, "bookmarks": 4}
    Marks(store).note([(ToMark(1, "at://x", ALICE, age_hours, "text", NOON), counts, [])])


def test_what_is_open_comes_with_its_best_count(out: Store) -> None:
    """Of its own kind; a post that was not shown at an age counts as nothing."""
    stored = FollowUps(out)
    for metric in ("likes", "bookmarks"):
        stored.add(1, metric, 50, "reply", "Thanks", None)
    assert [(None, None)] * 2 == [(item.best, item.last_age) for item in stored.open(0, 9)]
    for likes, age in ((60, 1), (40, 6), (None, 24)):
        count(out, likes, age)
    assert [(60, 24), (4, 24)] == [(item.best, item.last_age) for item in stored.open(0, 9)]
    assert ("published", NOON) == (stored.open(1, 9)[0].post_state, stored.open(1, 9)[0].published_at)


def test_the_same_one_is_added_once(out: Store) -> None:
    """With its author, until it is cancelled."""
    stored = FollowUps(out)
    with written_by("key 1", agent=True):
        first = stored.add(1, "likes", 50, "reply", "Thanks", None)
    assert first == stored.add(1, "likes", 50, "reply", "Thanks", None)
    assert ("key 1", True) == (first.who, first.agent)
    stored.cancel(first.id)
    assert first.id != stored.add(1, "likes", 50, "reply", "Thanks", None).id


def test_what_is_cancelled_is_never_reached(out: Store) -> None:
    """And what is reached is never cancelled."""
    stored = FollowUps(out)
    one, two = (stored.add(1, "likes", number, "reply", "Thanks", None) for number in (1, 2))
    stored.cancel(one.id)
    assert (False, True) == (stored.reach(one, "x"), stored.reach(two, "It had 2 likes."))
    with fails("post.wrong_state"):
        stored.cancel(two.id)
    stored.settle(two, "done", "It had 2 likes.", 7)
    assert ("done", 7, []) == (stored.get(two.id).state, stored.get(two.id).made_id, stored.list())
    with fails("follow_up.unknown"):
        stored.get(99)


def test_its_repost_is_added_once(out: Store) -> None:
    """In the transaction that notes it, whoever else tries."""
    stored = FollowUps(out)
    item = stored.add(1, "likes", 1, "repost", "", 3600)
    for rkey in ("one", "two"):
        stored.repost(item, out.posts.get(1), rkey, "It had 1 like.")
    assert [("repost", "one", 3600)] == [(one.kind, one.rkey, one.undo_seconds) for one in Actions(out).list()]


def test_a_key_adds_one_repost(store: Store) -> None:
    """Of each account; what undoes it, or follows it, has no key."""
    actions = Actions(store)
    first = actions.add(ALICE, "repost", "at://x", "bafyone", "one", NOON, 60, key="mine")
    assert first == actions.add(ALICE, "repost", "at://x", "bafyone", "two", NOON + timedelta(hours=1), 60, key="mine")
    assert (first, None) == (actions.with_key(ALICE, "mine"), actions.with_key(ALICE, "other"))
    for kind, uri, seconds in (("pin", "at://x", 60), ("repost", "at://y", 60), ("repost", "at://x", None)):
        with fails("post_key.reused"):
            actions.add(ALICE, kind, uri, "bafyone", "three", NOON, seconds, key="mine")
    taken = actions.claim()
    assert taken is not None
    actions.done(taken, (NOON + timedelta(days=1), "two"))
    assert [None, None] == [action.key for action in actions.list()]


def test_what_came_to_nothing_is_an_event_once(out: Store) -> None:
    """A repost that failed permanently, and follow-ups that failed or expired; nothing that is tried again."""
    actions, stored = Actions(out), FollowUps(out)
    repost = actions.add(ALICE, "repost", "at://x", "bafyone", "one", NOON, None)
    taken = actions.claim()
    assert taken is not None
    actions.not_done(taken, "Down.", NOON)
    again = actions.claim()
    assert again is not None
    for _ in range(2):
        actions.not_done(again, "Refused.", None)
    failed, expired, done = (stored.add(1, "likes", number, "reply", "Thanks", None) for number in (1, 2, 3))
    for item, state in ((failed, "failed"), (expired, "expired"), (done, "done")) * 2:
        stored.settle(item, state, f"It {state}.")
    events = [event for event in Events(out).after(0) if not event.kind.startswith("post.")]
    assert [
        ("repost.failed", repost.id, "Refused."),
        ("follow_up.failed", failed.id, "It failed."),
        ("follow_up.expired", expired.id, "It expired."),
    ] == [(event.kind, event.subject_id, event.data["message"]) for event in events]
    assert {ALICE} == {event.account_did for event in events}
    stored.cancel(failed.id)
    assert [expired.id] == [item.id for item in stored.list()]


def test_a_state_is_chosen_before_the_limit(out: Store) -> None:
    """What failed long ago is listed, however much waits since; of one account, and of all."""
    actions, stored = Actions(out), FollowUps(out)
    failed = stored.add(1, "likes", 1, "reply", "Thanks", None)
    stored.settle(failed, "failed", "It failed.")
    waiting = stored.add(1, "likes", 2, "reply", "Thanks", None)
    for number, rkey in enumerate(("one", "two")):
        actions.add(ALICE, "repost", f"at://{rkey}", "bafyone", rkey, NOON + timedelta(hours=number), None)
    taken = actions.claim()
    assert taken is not None
    actions.not_done(taken, "Refused.", None)
    for did in (None, ALICE):
        assert [failed.id] == [item.id for item in stored.list(1, did, state="failed")]
        assert ["at://two"] == [action.uri for action in actions.list(1, did, state="waiting")]
        assert [waiting.id] == [item.id for item in stored.list(1, did)]


def test_what_is_repeated_adds_its_next(out: Store) -> None:
    """With what takes the one before back, in one transaction, and once."""
    actions, repeat = Actions(out), Repeat("daily 12:00", "UTC", NOON + timedelta(days=9))
    first = actions.add(ALICE, "repost", "at://x", "bafyone", "one", NOON, 60, repeat=repeat)
    taken = actions.claim()
    assert taken is not None and first.id == taken.id
    for _ in range(2):
        actions.done(taken, (NOON + timedelta(days=1), "two"))
    undo, following = actions.list()
    assert ("unrepost", "one", None, None) == (undo.kind, undo.rkey, undo.rule, undo.replaces)
    assert (repeat, "two", "one") == (
        Repeat(following.rule, following.zone, following.until),
        following.rkey,
        following.replaces,
    )
    assert None is claim_next(out, "w", LEASE_SECONDS, take())
