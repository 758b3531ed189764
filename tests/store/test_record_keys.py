"""Every post has its record keys from the moment it is accepted; whoever accepts it again elsewhere has the same."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.protocol.atproto.syntax import Tid
from skywrite.protocol.atproto.tid import keyed_tid, tid_micros
from skywrite.queue.model import Changes, NewPost, NewRecurrence, Post
from skywrite.queue.record_keys import record_keys
from skywrite.queue.store import Store
from tests.support.postgres import PostgresServer
from tests.support.stored import ALICE, NOON, OpenAt, later, post, session
from tests.support.stores import new_schema


def thread(text: str, parts: int, due: datetime | None = NOON) -> NewPost:
    """A thread of so many posts."""
    return NewPost(ALICE, {"text": text}, {"records": [{"text": text}] * parts}, due)


def added(store: Store, new: NewPost) -> Post:
    """The post as it is stored."""
    return store.posts.get(store.posts.add([new])[0].id)


@pytest.fixture
def elsewhere(store: Store, open_at: OpenAt, request: pytest.FixtureRequest, home: object, clock: FakeClock) -> Store:
    """Another database of the same kind, with the same account."""
    if store.dialect == "sqlite":
        address = store.place + ".other"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        address = new_schema(server)
    other = open_at(address)
    other.accounts.sign_in(session())
    return other


def test_a_key_lies_in_the_second_for_which_the_post_was_accepted(store: Store) -> None:
    """Record keys are TIDs that sort by time; a draft's is of the time when it was written."""
    for due in (later(3600), None):
        micros = tid_micros(Tid(added(store, post(due=due)).root_rkey))
        assert (due or NOON) == datetime.fromtimestamp(micros // 1_000_000, UTC)


def test_moves_and_edits_change_no_key(store: Store) -> None:
    """Whatever the user changes, it is the same post."""
    before = added(store, post())
    store.posts.move(before.id, later(86_400))
    store.posts.edit(before.id, Changes(draft={"text": "other"}))
    assert before.root_rkey == store.posts.get(before.id).root_rkey


def test_two_posts_that_are_alike_have_two_keys(store: Store) -> None:
    """A deliberate second post is another post; ten thousand at the same time have ten thousand keys."""
    single = [added(store, post()).root_rkey for _ in range(20)]
    store.posts.add([post("same") for _ in range(10_000)])
    many = [one.root_rkey for one in store.listing.all_posts()]
    assert (10_020, True) == (len(set(many)), set(single) <= set(many))


def test_posts_of_the_same_time_sort_as_they_were_given(store: Store) -> None:
    """A list of posts that are due together goes out in its order, and is listed in its order."""
    results = store.posts.add([thread(f"{number}", 3) for number in range(100)])
    keys = [key for result in results for key in record_keys(store.posts.get(result.id), 3) or ()]
    assert (300, sorted(keys)) == (len(set(keys)), keys)


def test_the_users_key_gives_the_keys_that_the_stateless_sync_gives(store: Store, elsewhere: Store) -> None:
    """The same key and time mean the same records on every computer, with and without a database."""
    keys = [record_keys(added(one, post(key="k", due=later(60))), 3) for one in (store, elsewhere)]
    assert [[keyed_tid(later(60), "k", index) for index in range(3)]] * 2 == keys


def test_a_key_that_was_moved_keeps_its_records(store: Store) -> None:
    """The time for which it was accepted counts."""
    moved = store.posts.move(added(store, post(key="k")).id, later(3600))
    assert [keyed_tid(NOON, "k", index) for index in range(2)] == record_keys(moved, 2)


def test_an_identity_is_the_same_everywhere(store: Store, elsewhere: Store) -> None:
    """A feed's item is the same post whenever and wherever it is found."""
    identity = ("feed https://a.test/feed item-1", NOON - timedelta(days=30))
    first = added(store, post(key="feed:1:item-1", due=NOON, identity=identity))
    again = added(elsewhere, post(key="feed:7:item-1", due=later(999), identity=identity))
    other = added(elsewhere, post(due=NOON, identity=("feed https://a.test/feed item-2", identity[1])))
    assert (first.root_rkey, True) == (again.root_rkey, other.root_rkey != first.root_rkey)
    assert record_keys(first, 2) == record_keys(again, 2)


def test_an_occurrence_is_the_same_after_a_restore(store: Store, clock: FakeClock) -> None:
    """The post of an occurrence that is made again has the keys that it had, whatever jitter and time it got."""
    rule = store.recurrences.get(store.recurrences.add(NewRecurrence(ALICE, "daily 9:00", "UTC", {"text": "Hello"})).id)
    new = post(occurrence=later(60), due=later(75))
    assert store.recurrences.add_occurrence(rule, new)
    occurrence = store.posts.of_occurrence(rule.id, later(60))
    assert occurrence is not None
    with store.writing() as tx:
        tx.select(store.database.translate(f"DELETE FROM post WHERE id = {occurrence.id} RETURNING id"), {})
    assert store.recurrences.add_occurrence(rule, new._replace(due_at=later(99)))
    again = store.posts.of_occurrence(rule.id, later(60))
    assert again is not None and occurrence.root_rkey == again.root_rkey


def test_another_recurrence_with_the_same_number_is_another(store: Store, elsewhere: Store, clock: FakeClock) -> None:
    """Numbers are given again after a restore; the recurrences are told apart by when they were made."""
    roots = []
    for one in (store, elsewhere):
        number = one.recurrences.add(NewRecurrence(ALICE, "daily 9:00", "UTC"), post(occurrence=NOON)).id
        occurrence = one.posts.of_occurrence(number, NOON)
        assert occurrence is not None
        roots.append(occurrence.root_rkey)
        clock.advance(1)
    assert roots[0] != roots[1]


def test_times_that_no_key_can_hold(store: Store) -> None:
    """A post for the year 3000 has a key of the present time."""
    far = added(store, post(due=datetime(3000, 1, 1, tzinfo=UTC)))
    assert NOON == datetime.fromtimestamp(tid_micros(Tid(far.root_rkey)) // 1_000_000, UTC)


@pytest.mark.parametrize("changed", [False, True])
def test_a_key_that_comes_with_another_draft_says_so(store: Store, changed: bool) -> None:
    """The same key with the same draft is a repetition; with another draft it is a mistake, and nothing is stored."""
    store.posts.add([post("first", key="k")])
    store.posts.edit(1, Changes(draft={"text": "edited"}))
    again = store.posts.add([post("second" if changed else "first", key="k", due=later(5))])[0]
    assert (1, True, changed) == tuple(again)
