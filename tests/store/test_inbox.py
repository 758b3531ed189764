"""The inbox in both databases."""

from __future__ import annotations

from datetime import timedelta

from skywrite.clock import FakeClock
from skywrite.queue.inbox import HANDLE_SECONDS, InboxItems, NewItem
from skywrite.queue.model import Published
from skywrite.queue.store import Store
from tests.store.support import ALICE, BOB, NOON, claimed, post, session

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


def test_what_it_is_about_and_what_answers_it_are_found(store: Store, clock: FakeClock) -> None:
    """Our post by its address, the item by its answer; items of one account alone, and how many wait."""
    store.sign_in(session(BOB))
    store.add([post("Ours"), post("An answer", due=None)])
    uri = f"at://{ALICE}/app.bsky.feed.post/3kaaa"
    store.settle(claimed(store), Published(uri, "cid", ("3kaaa",)))
    ours = store.published_as(ALICE, uri)
    assert (1, None, None) == (ours and ours.id, store.published_as(BOB, uri), store.published_as(ALICE, f"{uri}x"))
    inbox = InboxItems(store)
    inbox.add([ITEM, ITEM._replace(account_did=BOB)])
    (mine,) = inbox.list(account_did=ALICE)
    assert (2, 1, 1) == (inbox.waiting(), inbox.waiting(BOB), len(inbox.list(everything=True, account_did=BOB)))
    inbox.settle(mine.id, "done", answer_id=2)
    answered = inbox.answered_by(2)
    assert (mine.id, None) == (answered and answered.id, inbox.answered_by(1))
    assert (1, 0) == (inbox.waiting(), inbox.waiting(ALICE))


def test_the_size_of_a_queue_changes_with_it(store: Store) -> None:
    """Counted up to a limit; an edit, a move and a new post change it, looking does not."""
    store.add([post("One"), post("Two", due=NOON + timedelta(days=2))])
    until = NOON + timedelta(days=1)
    first = store.queue_size(until, 100)
    assert (2, 1, first) == (first.posts, first.due, store.queue_size(until, 100))
    store.move(2, NOON)
    second = store.queue_size(until, 100)
    assert (2, 2, True) == (second.posts, second.due, second.version > first.version)
    assert (1, 1) == store.queue_size(until, 1)[::2]
