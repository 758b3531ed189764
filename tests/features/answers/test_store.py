"""The inbox in both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.features.answers.store import (
    HANDLE_SECONDS,
    LOOKED_AT_MAX,
    LOOKED_AT_ONCE,
    SEEN_BEFORE,
    InboxItem,
    InboxItems,
    NewItem,
    Place,
)
from skywrite.queue import identities
from skywrite.queue.model import Published
from skywrite.queue.store import Store
from tests.support.stored import ALICE, BOB, NOON, claimed, later, post, session

ITEM = NewItem(ALICE, "at://did:plc:bob/app.bsky.feed.post/1", "cid", "reply", "did:plc:bob", "bob", "Hi", None, NOON)


def test_an_item_is_kept_once_and_given_to_one_worker(store: Store, clock: FakeClock) -> None:
    """Two workers that see it at once keep it once; one that dies leaves it to the next."""
    inbox = InboxItems(store)
    assert (1, 0) == (inbox.add([ITEM]), inbox.add([ITEM]))
    first = inbox.claim(ALICE, anything)
    assert first is not None and None is inbox.claim(ALICE, anything)
    clock.advance(HANDLE_SECONDS + 1)
    second = inbox.claim(ALICE, anything)
    assert second is not None and (1, 2) == (first.tries, second.tries)
    inbox.handled(second)
    assert None is inbox.claim(ALICE, anything)


def test_what_people_dealt_with_is_given_to_no_function(store: Store, clock: FakeClock) -> None:
    """What is done, answered, kept as a draft, or snoozed for now; and nothing of another account."""
    store.accounts.sign_in(session(BOB))
    inbox = InboxItems(store)
    inbox.add([ITEM._replace(uri=f"{ITEM.uri}{number}") for number in range(4)])
    done, snoozed, answered, drafted = (item.id for item in inbox.list())
    inbox.settle(done, "done")
    inbox.settle(snoozed, "new", snoozed_until=NOON + timedelta(hours=1))
    inbox.answer(answered, post("Yes", key="yes"))
    inbox.answer(drafted, post("Perhaps", due=None, key="perhaps"))
    assert (None, None) == (inbox.claim(ALICE, anything), inbox.claim(BOB, anything))
    clock.advance(3600)
    again = inbox.claim(ALICE, anything)
    assert snoozed == (again and again.id)


def test_what_is_passed_over_stays_so_and_says_why(store: Store) -> None:
    """It is looked at once, and people still see it."""
    inbox = InboxItems(store)
    inbox.add([ITEM._replace(uri=f"{ITEM.uri}1"), ITEM])
    asked: list[str] = []

    def why_not(item: InboxItem) -> str | None:
        asked.append(item.uri)
        return "No." if item.uri == ITEM.uri else None

    assert [f"{ITEM.uri}1", None] == [one and one.uri for one in (inbox.claim(ALICE, why_not) for _ in range(2))]
    assert ([ITEM.uri, f"{ITEM.uri}1"], ["No.", None]) == (asked, [item.passed for item in inbox.list()])


def test_a_flood_is_passed_over_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many items are for no function, they are noted in one transaction, with the claim of the next one."""
    inbox, number = InboxItems(store), LOOKED_AT_ONCE * 2 + 1
    inbox.add([ITEM._replace(uri=f"{ITEM.uri}{index}") for index in range(number)])
    wanted, written, writing = inbox.list()[-1].id, list[str](), store.writing

    def counted(**more: Any) -> Any:
        written.append("write")
        return writing(**more)

    monkeypatch.setattr(store, "writing", counted)
    claim = inbox.claim(ALICE, lambda item: None if item.id == wanted else "No.")
    passed = [item.passed for item in inbox.list(everything=True)]
    assert (wanted, ["write"], [None] + ["No."] * (number - 1)) == (claim and claim.id, written, passed)


def test_a_claim_looks_at_so_many(store: Store) -> None:
    """What comes after a great many items is for another time; none is looked at twice."""
    inbox, asked = InboxItems(store), list[int]()
    inbox.add([ITEM._replace(uri=f"{ITEM.uri}{index}") for index in range(LOOKED_AT_MAX + 1)])

    def why_not(item: InboxItem) -> str:
        asked.append(item.id)
        return "No."

    counts = []
    for _ in range(2):
        assert None is inbox.claim(ALICE, why_not)
        counts.append(len(asked))
    assert ([LOOKED_AT_MAX, LOOKED_AT_MAX + 1], len(asked)) == (counts, len(set(asked)))


def test_what_answers_starts_from_now(store: Store) -> None:
    """What is there when the first begins was seen before; another one begins after the last item that is there."""
    inbox = InboxItems(store)
    inbox.add([ITEM])
    assert {} == inbox.started(ALICE)
    inbox.start(ALICE, ["answer"], first=True)
    first = inbox.list()[0].id
    assert ({"answer": first}, {}) == (inbox.started(ALICE), inbox.started(BOB))
    assert (None, [SEEN_BEFORE]) == (inbox.claim(ALICE, anything), [item.passed for item in inbox.list()])
    inbox.add([ITEM._replace(uri=f"{ITEM.uri}1")])
    inbox.start(ALICE, ["answer", "other"], first=False)
    taken = inbox.claim(ALICE, anything)
    assert taken is not None and {"answer": first, "other": taken.id} == inbox.started(ALICE)


def test_a_function_and_a_person_do_not_both_answer(store: Store, clock: FakeClock) -> None:
    """A person who is faster than the function has answered; what the function says is not stored."""
    inbox = InboxItems(store)
    inbox.add([ITEM])
    claimed_item = inbox.claim(ALICE, anything)
    assert claimed_item is not None
    first = inbox.answer(claimed_item.id, post("A person", key="inbox:1"))
    assert (False, 1) == (
        inbox.answer_claimed(claimed_item, post("A function", key="on_reply:1")),
        len(store.listing.posts()),
    )
    second = inbox.answer(claimed_item.id, post("A person again", key="inbox:2"))
    assert second == inbox.answer(claimed_item.id, post("A person again", key="inbox:2"))
    roots = [store.posts.get(number).root_rkey for number in (first, second)]
    expected = [identities.key_of(identities.of_answer(ALICE, ITEM.uri, number)) for number in (1, 2)]
    assert (expected, 2) == (roots, inbox.get(claimed_item.id).answers)


def test_answers_are_counted_by_person_and_conversation(store: Store, clock: FakeClock) -> None:
    """Those that are given now count, too; people's do not, nor those of yesterday."""
    inbox = InboxItems(store)
    inbox.add([ITEM._replace(uri=f"{ITEM.uri}{number}", root="root") for number in range(3)])
    for number in range(2):
        item = inbox.claim(ALICE, anything)
        assert item is not None
        if number == 0:
            inbox.answer_claimed(item, post("One", key="one"))
    counts = inbox.given(ALICE, NOON - timedelta(days=1))
    assert (2, 2) == (counts.to["did:plc:bob"], counts.below["root"])
    clock.advance(86_401)
    assert 0 == inbox.given(ALICE, NOON + timedelta(seconds=1)).to["did:plc:bob"]
    first = inbox.list(everything=True)[-1]
    assert (True, False) == (inbox.said_before(first, NOON), inbox.said_before(first, NOON + timedelta(seconds=1)))


def test_how_far_was_read_is_kept_with_what_was_read(store: Store) -> None:
    """Both or neither."""
    inbox = InboxItems(store)
    assert Place() == inbox.place(ALICE)
    place = Place(("below",), NOON)
    inbox.add([ITEM], place)
    assert (place, Place()) == (inbox.place(ALICE), inbox.place(BOB))
    inbox.put_place(ALICE, Place(), place)
    assert Place() == inbox.place(ALICE)


def test_two_readers_forget_no_gap(store: Store) -> None:
    """What one has noted since the other began stays, and neither claims to have read further than both did."""
    inbox = InboxItems(store)
    inbox.put_place(ALICE, Place((), NOON), Place())
    seen = inbox.place(ALICE)
    inbox.add([ITEM], Place(("a gap",), NOON), seen)
    inbox.put_place(ALICE, Place((), later(3600)), seen)
    assert Place(("a gap",), NOON) == inbox.place(ALICE)


def anything(item: InboxItem) -> None:
    """No reason to leave an item out."""


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
    store.accounts.sign_in(session(BOB))
    store.posts.add([post("Ours"), post("An answer", due=None)])
    uri = f"at://{ALICE}/app.bsky.feed.post/3kaaa"
    store.claims.settle(claimed(store), Published(uri, "cid", ("3kaaa",)))
    ours = store.posts.published_as(ALICE, uri)
    assert (1, None, None) == (
        ours and ours.id,
        store.posts.published_as(BOB, uri),
        store.posts.published_as(ALICE, f"{uri}x"),
    )
    inbox = InboxItems(store)
    inbox.add([ITEM, ITEM._replace(account_did=BOB)])
    (mine,) = inbox.list(account_did=ALICE)
    assert (2, 1, 1) == (inbox.waiting(), inbox.waiting(BOB), len(inbox.list(everything=True, account_did=BOB)))
    assert 3 == inbox.answer(mine.id, post("Another answer", key="another"))
    answered = inbox.answered_by(3)
    assert (mine.id, None) == (answered and answered.id, inbox.answered_by(1))
    assert (1, 0) == (inbox.waiting(), inbox.waiting(ALICE))


def test_the_size_of_a_queue_changes_with_it(store: Store) -> None:
    """Counted up to a limit; an edit, a move and a new post change it, looking does not."""
    store.posts.add([post("One"), post("Two", due=NOON + timedelta(days=2))])
    until = NOON + timedelta(days=1)
    first = store.listing.queue_size(until, 100)
    assert (2, 1, first) == (first.posts, first.due, store.listing.queue_size(until, 100))
    store.posts.move(2, NOON)
    second = store.listing.queue_size(until, 100)
    assert (2, 2, True) == (second.posts, second.due, second.version > first.version)
    assert (1, 1) == store.listing.queue_size(until, 1)[::2]
