"""Pages of lists: ranges, filters, cursors and counts, the same on both databases."""

from __future__ import annotations

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.listing import Cursor
from skywrite.queue.model import STATES, NewPost
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.stored import ALICE, BOB, NOON, OpenAt, later, post, session


def texts(posts: object) -> list[str]:
    """The texts of posts."""
    return [one.text for one in posts]  # type: ignore[attr-defined]


def test_a_cursor_goes_through_text_and_back(store: Store) -> None:
    """What a page gives to a browser is what comes back."""
    ids = [result.id for result in store.posts.add([post(due=later(0.000001)), post(due=None)])]
    for cursor in (*(Cursor.due(store.posts.get(number)) for number in ids), Cursor.changed(store.posts.get(ids[0]))):
        assert cursor == Cursor.parse(str(cursor))


@pytest.mark.parametrize(
    "text", ["", "x", "~", "2026~1", "2026-11-24T12:00:00Z~x", "2026-11-24T12:00:00~1", "~٣", "1~1~1"]
)
def test_what_is_no_cursor(text: str) -> None:
    """Anything else is refused, not guessed at."""
    with fails("cursor.invalid"):
        Cursor.parse(text)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
def test_pages_by_cursor_show_everything_once(store: Store, size: int) -> None:
    """Posts of one time, of many and of none, in several states: page by page they are the whole list."""
    store.posts.add([post(f"{n}", due=None if n % 5 == 4 else later(n // 3)) for n in range(20)])
    store.posts.hold(4)
    store.posts.hold(8)
    whole, by_page, after = texts(store.listing.posts(limit=1000)), [], None
    while page := store.listing.posts(after=after, limit=size):
        by_page += texts(page)
        after = Cursor.parse(str(Cursor.due(page[-1])))
    assert (20, whole) == (len(whole), by_page)


@pytest.mark.parametrize("size", [1, 3, 100])
def test_pages_of_drafts_show_each_once(store: Store, size: int) -> None:
    """The newest first, of one account or all, with a text or any; what has a time is not among them."""
    store.posts.add([post(f"{n}", due=None if n % 4 else later(n), did=(ALICE, BOB)[n % 3 == 0]) for n in range(20)])
    by_page, before = list[str](), None
    while page := store.listing.drafts(before_id=before, limit=size):
        by_page += texts(page)
        before = page[-1].id
    assert [f"{n}" for n in reversed(range(20)) if n % 4] == by_page
    assert ["18", "15", "9", "6", "3"] == texts(store.listing.drafts(account_did=BOB))
    assert ["1"] == texts(store.listing.drafts(text="1", before_id=5))


def test_pages_of_the_history(store: Store, clock: FakeClock) -> None:
    """The history goes back page by page, also through many changes of one moment."""
    ids = [result.id for result in store.posts.add([post(f"{n}") for n in range(12)])]
    for place, number in enumerate(ids):
        store.posts.cancel(number)
        clock.advance(place % 3)
    whole, by_page, after = texts(store.listing.history(limit=100)), [], None
    while page := store.listing.history(after=after, limit=5):
        by_page += texts(page)
        after = Cursor.changed(page[-1])
    assert (12, whole) == (len(whole), by_page)


def test_a_page_goes_on_where_it_was_whatever_happened_meanwhile(store: Store) -> None:
    """The last post of a page is published or moved before the next page is asked for: nothing is left out."""
    store.posts.add([post(f"{n}", due=later(n)) for n in range(4)])
    page = store.listing.posts(limit=2)
    store.posts.cancel(page[-1].id)
    store.posts.add([post("earlier", due=later(0.5))])
    assert ["2", "3"] == texts(store.listing.posts(after=Cursor.due(page[-1])))


def test_filters(store: Store, clock: FakeClock) -> None:
    """By account, source, text whatever its case, time; together they all apply."""
    store.posts.add(
        [
            post("Grüße aus KÖLN", source="feed:1"),
            post("100% done_", did=BOB, due=later(60)),
            post("100 x done-", due=later(120), source="feed:1"),
        ]
    )
    assert ["Grüße aus KÖLN", "100 x done-"] == texts(store.listing.posts(source="feed:1"))
    assert ["Grüße aus KÖLN"] == texts(store.listing.posts(text="grüße AUS"))
    assert ["100% done_"] == texts(store.listing.posts(text="100%"))
    assert ["100% done_"] == texts(store.listing.posts(text="E_"))
    assert [] == texts(store.listing.posts(text="!"))
    assert ["100 x done-"] == texts(store.listing.posts(account_did=ALICE, due_from=later(60), source="feed:1"))
    assert ["100% done_"] == texts(store.listing.posts(due_from=later(60), due_before=later(120)))


def test_sqlite_knows_all_letters(sqlite_address: str, open_at: OpenAt) -> None:
    """On PostgreSQL the case of letters outside ASCII is known as far as the database's locale knows it."""
    store = open_at(sqlite_address)
    store.accounts.sign_in(session())
    store.posts.add([post("Grüße aus KÖLN")])
    assert ["Grüße aus KÖLN"] == texts(store.listing.posts(text="GRÜßE aus köln"))


def test_the_history_is_searched_too(store: Store, clock: FakeClock) -> None:
    """What is done with is found by its words, its source and when it changed."""
    for number, text in enumerate(("Release 1", "release 2", "other")):
        store.posts.add([post(text, source="import")])
        store.posts.cancel(number + 1)
        clock.advance(60)
    assert ["release 2", "Release 1"] == texts(store.listing.history(text="RELEASE"))
    assert ["release 2"] == texts(store.listing.history(text="release", since=later(60), before=later(120)))
    assert ([], 3) == (store.listing.history(source="feed:1"), len(store.listing.history(source="import")))


def test_a_plan_shows_what_a_list_of_all_states_shows(store: Store) -> None:
    """The posts of one account from one time to before another, in order, whatever state they are in."""
    store.posts.add([post(f"{n}", due=later(n // 2)) for n in range(12)])
    store.posts.add([post("of somebody else", did=BOB, due=later(2)), post("without a time", due=None)])
    store.posts.hold(5)
    store.posts.cancel(6)
    wanted = store.listing.posts(STATES, account_did=ALICE, due_from=later(1), due_before=later(5))
    posts = store.listing.planned(ALICE, later(1), later(5), limit=100, length=100)
    assert (8, {"scheduled", "held", "cancelled"}) == (len(posts), {one.state for one in posts})
    seen = [(one.id, one.version, one.state, one.due_at, one.text, one.recurrence_id) for one in wanted]
    assert seen == [(one.id, one.version, one.state, one.due_at, one.text, one.recurrence_id) for one in posts]
    assert posts[:3] == store.listing.planned(ALICE, later(1), later(5), limit=3, length=100)


@pytest.mark.parametrize(
    ("draft", "media"),
    [
        ({}, 0),
        ({"images": []}, 0),
        ({"images": [{"alt": "one"}, {"alt": "two"}]}, 2),
        ({"video": None}, 0),
        ({"video": {"alt": "a walk"}}, 1),
    ],
)
def test_a_plan_counts_media_and_shortens_texts(store: Store, draft: dict[str, object], media: int) -> None:
    """A post without text has an empty one; a long one is cut between characters."""
    store.posts.add([NewPost(ALICE, {"text": "Grüße 🌻🌻🌻", **draft}, {}, NOON), NewPost(ALICE, draft, {}, NOON)])
    posts = store.listing.planned(ALICE, NOON, later(1), limit=9, length=8)
    assert [("Grüße 🌻🌻", media), ("", media)] == [(one.text, one.media) for one in posts]
