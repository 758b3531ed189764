"""Adding, reading and changing posts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.model import AddResult, Changes, Failed, Held, Post, Problem, Published, Retry
from skywrite.queue.posts import Posts
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.media import media_of
from tests.support.stored import ALICE, BOB, LEASE_SECONDS, NOON, PROBLEM, claimed, later, media, post, raw, take

DONE = Published("at://did:plc:alice/app.bsky.feed.post/3kroot", "bafypost")


def in_state(store: Store, state: str) -> int:
    """A post brought into a state the way it gets there in life; "scheduled+" and so on have frozen records."""
    post_id = store.posts.add([post(due=None if state == "draft" else NOON)])[0].id
    if state == "held":
        store.posts.hold(post_id)
    elif state == "cancelled":
        store.posts.cancel(post_id)
    elif state not in ("draft", "scheduled"):
        claim = claimed(store, take("FROZEN"))
        outcomes = {
            "published": DONE,
            "failed": Failed(PROBLEM),
            "scheduled+": Retry(NOON, PROBLEM),
            "held+": Held(PROBLEM),
        }
        if state in outcomes:
            store.claims.settle(claim, outcomes[state])
    return post_id


ALL = ["draft", "scheduled", "scheduled+", "publishing", "published", "failed", "held", "held+", "cancelled"]


def test_post_round_trip(store: Store, clock: FakeClock) -> None:
    """Everything that was handed over comes back."""
    new = post(
        'Grüße 👋 "quoted"\n', due=later(0.000001), key="k", late_policy="hold", late_seconds=600, source="feed:3"
    )
    stored = store.posts.get(store.posts.add([new])[0].id)
    expected = (
        new.account_did,
        new.draft,
        new.prepared,
        new.due_at,
        new.key,
        new.late_policy,
        new.late_seconds,
        new.source,
    )
    assert expected == (
        stored.account_did,
        stored.draft,
        stored.prepared,
        stored.due_at,
        stored.key,
        stored.late_policy,
        stored.late_seconds,
        stored.source,
    )
    assert ("scheduled", NOON, NOON, 0, None) == (
        stored.state,
        stored.created_at,
        stored.updated_at,
        stored.attempts,
        stored.frozen,
    )


def test_readable_with_plain_sql(store: Store) -> None:
    """Whoever looks into the database finds the texts of posts in the view for people."""
    store.posts.add([post("Grüße 👋"), post("other", did=BOB)])
    rows = raw(store, "SELECT text, state FROM v_posts ORDER BY id")
    assert [("Grüße 👋", "scheduled"), ("other", "scheduled")] == [(row["text"], row["state"]) for row in rows]


def test_same_key_is_added_once(store: Store) -> None:
    """A key that an account has used gives the number of the post that is there, and nothing is added."""
    first = store.posts.add([post("first", key="k")])
    again = store.posts.add([post("again", key="k"), post("twin", key="t"), post("twin", key="t")])
    assert [AddResult(1, False)] == first
    assert [(1, True), (again[1].id, False), (again[1].id, True)] == [(one.id, one.existed) for one in again]
    assert ["first", "twin"] == [one.text for one in store.listing.posts()]


def test_keys_belong_to_accounts(store: Store) -> None:
    """Two accounts may use the same key."""
    results = store.posts.add([post(key="k"), post(key="k", did=BOB)])
    assert [False, False] == [result.existed for result in results]


def test_key_of_a_cancelled_post_stays_used(store: Store) -> None:
    """A cancelled post is not brought back by running the same command again."""
    post_id = store.posts.add([post(key="k")])[0].id
    store.posts.cancel(post_id)
    assert [AddResult(post_id, True)] == store.posts.add([post(key="k")])


def test_numbers_are_never_used_again(store: Store) -> None:
    """Numbers grow, also over a removed account, so that a noted number never means another post."""
    store.posts.cancel(store.posts.add([post(did=BOB)])[0].id)
    store.accounts.remove(BOB)
    assert 1 < store.posts.add([post()])[0].id


def test_add_nothing(store: Store) -> None:
    """An empty batch is no error."""
    assert [] == store.posts.add([])


def test_all_or_nothing(store: Store) -> None:
    """A batch of which one post cannot be stored leaves nothing behind, media included."""
    with fails("media.unknown", match="bafymissing"):
        store.posts.add([post(), post(media=("bafymissing",))], media=[media(b"x", "bafyother")])
    assert (0, None) == (sum(store.listing.count().values()), store.media.info("bafyother"))


def test_many_posts(store: Store) -> None:
    """Thousands of posts are stored at once, each under its number with its own text, moment and key."""
    count = 2345
    results = store.posts.add([post(f"Grüße {n}", due=later(n), key=f'"{n}\u2028') for n in range(count)])
    assert [(n + 1, False) for n in range(count)] == [(one.id, one.existed) for one in results]
    stored = store.listing.posts(limit=count)
    assert [(n + 1, f"Grüße {n}", later(n), f'"{n}\u2028') for n in range(count)] == [
        (one.id, one.text, one.due_at, one.key) for one in stored
    ]


def test_many_posts_of_which_some_are_there(store: Store) -> None:
    """Of thousands of posts with keys, those that are there keep their numbers, and the others are added."""
    known = {f"{n}": store.posts.add([post("known", key=f"{n}")])[0].id for n in (5, 1500, 2500)}
    results = store.posts.add([post("new", key=f"{n}") for n in range(3000)])
    assert known == {f"{n}": result.id for n, result in enumerate(results) if result.existed}
    assert (3, 2997) == tuple(
        sum(one.text == text for one in store.listing.posts(limit=9999)) for text in ("known", "new")
    )


@pytest.mark.parametrize("place", [0, 1999])
def test_many_posts_or_none(store: Store, place: int) -> None:
    """Thousands of posts of which one cannot be written leave nothing behind, wherever it is."""
    posts = [post(f"{n}") for n in range(2000)]
    posts[place] = posts[place]._replace(draft={"text": "x", "odd": object()})
    with pytest.raises(TypeError, match="object"):
        store.posts.add(posts)
    assert 0 == sum(store.listing.count().values())


def test_unknown_post(store: Store) -> None:
    """A number that fits no post is told, with where to find the right one."""
    with fails("post.unknown", match="There is no post 7") as caught:
        store.posts.get(7)
    assert "posts.list" in caught.value.hint


def test_queue_is_in_due_order(store: Store) -> None:
    """The queue lists what waits by due time over all states and accounts, drafts last."""
    store.posts.add(
        [post("draft", due=None), post("c", due=later(3)), post("a", due=later(1), did=BOB), post("b", due=later(2))]
    )
    store.posts.hold(4)
    assert ["a", "b", "c", "draft"] == [one.text for one in store.listing.posts()]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"account_did": BOB}, ["b"]),
        ({"states": ["draft"]}, ["draft"]),
        ({"states": ["scheduled", "held"], "limit": 2}, ["a", "b"]),
        ({"due_from": later(2), "due_before": later(3)}, ["b"]),
        ({"limit": 0}, []),
    ],
)
def test_queue_filters(store: Store, choice: dict[str, object], expected: list[str]) -> None:
    """The queue can be narrowed to states, an account, a stretch of time and a number of posts."""
    store.posts.add(
        [post("draft", due=None), post("c", due=later(3)), post("a", due=later(1)), post("b", due=later(2), did=BOB)]
    )
    assert expected == [one.text for one in store.listing.posts(**choice)]  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_pages_of_the_queue(store: Store, size: int) -> None:
    """Reading page by page gives every post once, in order, also where many are due at the same moment."""
    store.posts.add([post(f"{n}", due=None if n % 4 == 0 else later(n % 3)) for n in range(12)])
    store.posts.hold(2)
    whole, paged, after = store.listing.posts(), [], None
    while page := store.listing.posts(after=after, limit=size):
        paged += page
        after = page[-1]
    assert [one.id for one in whole] == [one.id for one in paged]


def test_all_posts(store: Store) -> None:
    """An export reads every post of every state, whatever their number."""
    store.posts.add([post(f"{n}", due=None if n % 2 else NOON) for n in range(2500)])
    store.posts.cancel(1)
    assert set(range(1, 2501)) == {one.id for one in store.listing.all_posts()}


def test_history_is_newest_first(store: Store, clock: FakeClock) -> None:
    """The history lists what is done with, the latest first, and can go back in time."""
    store.posts.add([post("a"), post("b"), post("c"), post("waits")])
    for outcome in (DONE, Failed(PROBLEM)):
        clock.advance(10)
        store.claims.settle(claimed(store), outcome)
    clock.advance(10)
    store.posts.cancel(3)
    older = store.listing.history(before=later(30), limit=1)
    assert (["c", "b", "a"], ["b"]) == ([one.text for one in store.listing.history()], [one.text for one in older])
    assert ["a"] == [one.text for one in store.listing.history(["published"], account_did=ALICE)]


def test_count_by_account(store: Store) -> None:
    """Posts are counted by state, for all or for one account."""
    store.posts.add([post(), post(due=None), post(did=BOB)])
    counts = store.listing.count(ALICE)
    assert (1, 1, 0, 2) == (
        counts["scheduled"],
        counts["draft"],
        counts["published"],
        store.listing.count()["scheduled"],
    )


def test_same_text_is_found(store: Store, clock: FakeClock) -> None:
    """The same text is found while it waits and when it was published lately, not when it failed or is another's."""
    store.posts.add([post("twice"), post("Twice"), post("twice", did=BOB, due=later(9)), post("twice", due=later(999))])
    store.claims.settle(claimed(store), DONE)
    recent, old = store.posts.same_text(ALICE, "twice", NOON), store.posts.same_text(ALICE, "twice", later(1))
    assert ([1, 4], [4]) == ([one.id for one in recent], [one.id for one in old])


def test_what_waits_from_one_source_is_found(store: Store) -> None:
    """Among any number of posts without a text, only those of the source that are still to go out are read."""
    store.posts.add([post("", due=later(number), source="import") for number in range(3)])
    store.posts.add(
        [post("", due=later(-2), source="now"), post("", due=later(-1), source="now"), post("x", source="now")]
    )
    store.claims.settle(claimed(store), DONE)
    store.posts.add([post("", did=BOB, source="now")])
    assert [5] == [one.id for one in store.posts.waiting_with_text(ALICE, "", "now")]


def test_same_texts_are_found_together(store: Store) -> None:
    """Many texts are looked up at once, each as one is, among hundreds that are there."""
    store.posts.add([post(f"text {number}") for number in range(300)])
    store.posts.add([post("text 7"), post("", due=later(1)), post("other's", did=BOB)])
    posts = store.posts.same_texts(ALICE, ["text 7", "text 299", "other's", "new", "Text 8"], NOON)
    assert {"text 7": 8, "text 299": 300} == {text: one.id for text, one in posts.items()}
    assert {} == store.posts.same_texts(ALICE, [], NOON)


def test_a_slot_is_given_once(store: Store) -> None:
    """A post that took a slot is refused, with all beside it, where another one is due at that moment."""
    store.posts.add([post("first", due=later(60)), post("other's", did=BOB, due=later(120))])
    with fails("slot.taken", match="was taken"):
        store.posts.add([post("free", due=later(30)), post("late", due=later(60))._replace(exclusive_slot=True)])
    store.posts.add([post("free", due=later(120))._replace(exclusive_slot=True), post("beside", due=later(60))])
    assert ["beside", "first", "free", "other's"] == sorted(one.text for one in store.listing.all_posts())


def test_same_minute_is_found(store: Store) -> None:
    """Posts of the account in the same minute are found, those in the next one are not."""
    store.posts.add([post("a"), post("b", due=later(59.9)), post("c", due=later(60)), post("d", did=BOB)])
    assert ["a", "b"] == [store.posts.get(post_id).text for post_id in store.posts.same_minute(ALICE, later(30))]


def test_taken_times(store: Store) -> None:
    """The due moments of an account's scheduled posts tell which slots are taken."""
    store.posts.add([post(due=later(60)), post(due=later(0)), post(due=later(120)), post(due=later(60), did=BOB)])
    assert [NOON, later(60)] == store.posts.due_times(ALICE, NOON, later(120))


def test_what_goes_out_before_a_post(store: Store) -> None:
    """The due moments of the account's scheduled posts that go out before one: those due earlier, or stored earlier."""
    store.posts.add([post(due=later(60)), post(due=later(0)), post(due=later(60)), post(due=later(0), did=BOB)])
    first, third = store.posts.get(1), store.posts.get(3)
    asked: list[int] = []

    def from_noon(posts: int) -> datetime:
        asked.append(posts)
        return NOON

    assert ([NOON], [NOON, later(60)]) == (
        store.posts.due_before(first, 9, from_noon),
        store.posts.due_before(third, 9, from_noon),
    )
    assert [1, 2] == asked
    assert ([later(60)], None) == (
        store.posts.due_before(third, 9, lambda posts: later(1)),
        store.posts.due_before(third, 2, from_noon),
    )


EDITABLE = ["draft", "scheduled", "failed", "held"]


@pytest.mark.parametrize("state", ALL)
def test_edit(store: Store, state: str) -> None:
    """A post may be edited while it is certainly not on the network, and in no other state."""
    post_id = in_state(store, state)
    before = store.posts.get(post_id)
    changes = Changes(draft={"text": "New"}, prepared={"n": 1}, late_policy="skip", late_seconds=5)
    if state not in EDITABLE:
        with fails("post.not_editable", match=f"Post {post_id} is"):
            store.posts.edit(post_id, changes)
        assert before == store.posts.get(post_id)
        return
    edited = store.posts.edit(post_id, changes)
    fields = (edited.state, edited.text, edited.prepared, edited.frozen, edited.late_policy, edited.late_seconds)
    assert (before.state, "New", {"n": 1}, None, "skip", 5) == fields
    assert (before.due_at, before.key, before.problem) == (edited.due_at, edited.key, edited.problem)


@pytest.mark.parametrize("state", EDITABLE)
def test_move(store: Store, state: str) -> None:
    """A moved post is scheduled for the new moment, whatever it was, and a draft becomes a scheduled post."""
    post_id = in_state(store, state)
    moved = store.posts.move(post_id, later(500))
    assert ("scheduled", later(500), None, None) == (moved.state, moved.due_at, moved.attempt_at, moved.problem)
    assert later(500) == store.claims.next_ready_at()


def test_edited_text_is_found_again(store: Store) -> None:
    """The search for the same text knows the text after an edit."""
    post_id = store.posts.add([post("old")])[0].id
    store.posts.edit(post_id, Changes(draft={"text": "new"}))
    assert ([], [post_id]) == (
        store.posts.same_text(ALICE, "old", NOON),
        [one.id for one in store.posts.same_text(ALICE, "new", NOON)],
    )


def test_edited_media(store: Store) -> None:
    """An edit replaces the media that a post needs, and refuses those that are not in the store."""
    store.media.put(media(b"1", "bafyone"))
    store.media.put(media(b"2", "bafytwo"))
    post_id = store.posts.add([post(media=("bafyone",))])[0].id
    store.posts.edit(post_id, Changes(media=("bafytwo",)))
    with fails("media.unknown"):
        store.posts.edit(post_id, Changes(media=("bafythree",)))
    assert ["bafytwo"] == media_of(store, post_id)


@pytest.mark.parametrize("state", ALL)
def test_cancel(store: Store, state: str) -> None:
    """A post may be cancelled while it is certainly not on the network; the refusal says why and what to do."""
    post_id = in_state(store, state)
    before = store.posts.get(post_id)
    if state not in (*EDITABLE, "cancelled"):
        with fails("post.not_cancellable", match=f"Post {post_id} is") as caught:
            store.posts.cancel(post_id)
        assert (before, True) == (store.posts.get(post_id), caught.value.hint != "")
        return
    assert ("cancelled", None) == (store.posts.cancel(post_id).state, claim_next(store, "w", LEASE_SECONDS, take()))


def test_cancel_lets_the_next_one_go(store: Store) -> None:
    """Cancelling the first post of an account makes way for the next one, and for the next occurrence."""
    first = store.posts.add([post("first"), post("second", due=later(60))])[0].id
    store.posts.cancel(first, follow=post("third", due=later(30), key="third"))
    assert (later(30), ["third", "second"]) == (
        store.claims.next_ready_at(),
        [one.text for one in store.listing.posts()],
    )


@pytest.mark.parametrize(
    ("verb", "state"),
    [(Posts.retry, "failed"), (Posts.release, "held"), (Posts.release, "held+")],
)
def test_scheduled_again(store: Store, clock: FakeClock, verb: Callable[[Posts, int], Post], state: str) -> None:
    """A failed post that is retried, a held one that is released: to be tried now, with the records that it has."""
    post_id = in_state(store, state)
    frozen = store.posts.get(post_id).frozen
    clock.advance(3600)
    again = verb(store.posts, post_id)
    assert ("scheduled", later(3600), None, frozen) == (again.state, again.attempt_at, again.problem, again.frozen)
    assert post_id == claimed(store).post.id


def test_nothing_is_hurried_before_its_time(store: Store, clock: FakeClock) -> None:
    """A post that is due is tried now, however late; one whose time is to come stays as it is."""
    post_id = store.posts.add([post(due=later(3600), late_policy="skip", late_seconds=60)])[0].id
    before = store.posts.get(post_id)
    with fails("post.wrong_state", match="not due"):
        store.posts.make_due_now(post_id)
    assert before == store.posts.get(post_id)
    clock.advance(3601)
    hurried = store.posts.make_due_now(post_id)
    assert (later(3601), "publish", None) == (hurried.attempt_at, hurried.late_policy, hurried.late_seconds)


@pytest.mark.parametrize("state", [state for state in ALL if state != "failed"])
def test_retry_is_for_failed_posts(store: Store, state: str) -> None:
    """Only a failed post can be retried."""
    post_id = in_state(store, state)
    before = store.posts.get(post_id)
    with fails("post.wrong_state", match="not failed"):
        store.posts.retry(post_id)
    assert before == store.posts.get(post_id)


@pytest.mark.parametrize("state", [state for state in ALL if state != "scheduled"])
def test_hold_is_for_scheduled_posts(store: Store, state: str) -> None:
    """Only a scheduled post that was never frozen can be held by hand."""
    post_id = in_state(store, state)
    before = store.posts.get(post_id)
    with fails("post.wrong_state", match=f"Post {post_id} is"):
        store.posts.hold(post_id)
    assert before == store.posts.get(post_id)


def test_held_post_waits(store: Store) -> None:
    """A held post is not published, and says why it waits."""
    post_id = store.posts.add([post()])[0].id
    held = store.posts.hold(post_id, Problem("Review", "Somebody must read it."))
    assert ("Review", None) == (
        held.problem.name if held.problem else "",
        claim_next(store, "w", LEASE_SECONDS, take()),
    )


def test_far_future(store: Store) -> None:
    """Moments far away are kept exactly."""
    due = NOON.replace(year=9998, microsecond=1)
    assert due == store.posts.get(store.posts.add([post(due=due)])[0].id).due_at


def test_other_zones_become_utc(store: Store) -> None:
    """A moment in any zone is kept as the moment that it is."""
    from datetime import timezone

    due = later(0).astimezone(timezone(timedelta(hours=5, minutes=30)))
    stored = store.posts.get(store.posts.add([post(due=due)])[0].id)
    assert (NOON, timedelta(0)) == (stored.due_at, stored.due_at.utcoffset() if stored.due_at else None)
