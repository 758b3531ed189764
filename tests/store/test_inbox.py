"""The inbox in both databases."""

from __future__ import annotations

from datetime import timedelta

from skywrite.clock import FakeClock
from skywrite.queue.inbox import HANDLE_SECONDS, InboxItems, NewItem
from skywrite.queue.store import Store
from tests.store.support import ALICE, NOON

ITEM = NewItem(ALICE, "at://did:plc:bob/app.bsky.feed.post/1", "cid", "reply", "did:plc:bob", "bob", "Hi", None, NOON)


def test_an_item_is_kept_once_and_given_to_one_worker(store: Store, clock: FakeClock) -> None:
    """Two workers that see it at once keep it once; one that dies leaves it to the next."""
    inbox = InboxItems(store)
    assert (1, 0) == (inbox.add([ITEM]), inbox.add([ITEM]))
    first = inbox.claim()
    assert first is not None and None is inbox.claim()
    clock.advance(HANDLE_SECONDS + 1)
    second = inbox.claim()
    assert second is not None and (1, 2) == (first.tries, second.tries)
    inbox.handled(second)
    assert None is inbox.claim()


def test_what_is_snoozed_comes_again(store: Store, clock: FakeClock) -> None:
    """And what is done does not."""
    inbox = InboxItems(store)
    inbox.add([ITEM])
    number = inbox.list()[0].id
    inbox.settle(number, "new", snoozed_until=NOON + timedelta(hours=1))
    assert [] == inbox.list()
    clock.advance(3600)
    assert [number] == [item.id for item in inbox.list()]
    inbox.settle(number, "done")
    assert ([], ["done"]) == (inbox.list(), [item.state for item in inbox.list(everything=True)])
