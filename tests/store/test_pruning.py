"""What the worker remembers for itself, and what it forgets, on both databases."""

from __future__ import annotations

from datetime import timedelta

from skywrite.app.chores import ENDED_KEPT, PRUNE_SECONDS, prune
from skywrite.core.clock import FakeClock
from skywrite.features.answers.store import InboxItems, Place
from skywrite.features.drafts.service import AppDrafts, PulledState
from skywrite.queue.actions import Actions
from skywrite.queue.requests import Requests, asked
from skywrite.queue.store import Store
from skywrite.queue.workers import ChoreTimes, Hanging, Workers
from tests.support.errors import fails
from tests.support.stored import ALICE, BOB, NOON, post

SUBJECT = f"at://{ALICE}/app.bsky.feed.post/3kabc"


def test_workers(store: Store, clock: FakeClock) -> None:
    """A worker lives while it was seen lately; one that was killed is forgotten."""
    workers = Workers(store)
    workers.beat("a", [Hanging("https://pds.example", 3)])
    workers.beat("b")
    workers.end("b")
    assert [("a", NOON, (("https://pds.example", 3),))] == workers.living(timedelta(minutes=1))
    workers.beat("a")
    clock.advance(120)
    assert ([], [("a", NOON, ())]) == (workers.living(timedelta(minutes=1)), workers.all())
    clock.advance(PRUNE_SECONDS)
    prune(store, clock.now())
    assert [] == workers.all()


def test_chores(store: Store, clock: FakeClock) -> None:
    """It is known when something was last done, until it is to be done anew."""
    chores = ChoreTimes(store)
    chores.note("sweep")
    clock.advance(60)
    chores.note("sweep")
    assert NOON + timedelta(minutes=1) == chores.last("sweep")
    chores.forget("sweep")
    assert None is chores.last("sweep")


def test_secrets_that_expire(store: Store, clock: FakeClock) -> None:
    """A secret with an end is gone after it; one without stays."""
    store.secrets.put("a", "short", "x", expires_at=NOON + timedelta(minutes=1))
    store.secrets.put("a", "taken", "y", expires_at=NOON + timedelta(minutes=1))
    store.secrets.put("a", "long", "z")
    assert ("x", "y", None) == (
        store.secrets.get("a", "short"),
        store.secrets.take("a", "taken"),
        store.secrets.get("a", "taken"),
    )
    clock.advance(61)
    assert (None, None, "z") == (
        store.secrets.get("a", "short"),
        store.secrets.take("a", "short"),
        store.secrets.get("a", "long"),
    )
    assert (1, "z") == (store.secrets.prune(), store.secrets.get("a", "long"))


def test_requests(store: Store, clock: FakeClock) -> None:
    """What came with a request is known while its post is there, and for a month after it was finished."""
    requests = Requests(store)
    with asked(wanted_at=NOON), asked(digest="of a"):
        (kept,) = store.posts.add([post(key="a")])
    with asked(digest="of b", wanted_at=NOON):
        (gone,) = store.posts.add([post(key="b")])
    store.posts.cancel(gone.id)
    assert ("of b", NOON) == (requests.digest(ALICE, "b"), requests.wanted_at(gone.id))
    clock.advance(timedelta(days=31).total_seconds())
    prune(store, clock.now())
    assert ("of a", NOON) == (requests.digest(ALICE, "a"), requests.wanted_at(kept.id))
    assert (None, None, None) == (requests.digest(ALICE, "b"), requests.wanted_at(gone.id), requests.digest(BOB, "a"))


def test_reposts_that_are_over(store: Store, clock: FakeClock) -> None:
    """What was done or cancelled long ago goes, unless a request with its key may come again."""
    actions = Actions(store)
    reposts = [actions.add(ALICE, "repost", SUBJECT, "c", f"r{n}", NOON, None, key=key) for n, key in enumerate("ab")]
    reposts += [actions.add(ALICE, "repost", SUBJECT, "c", f"s{n}", NOON, None) for n in range(2)]
    for one in (reposts[0], reposts[2]):
        actions.cancel(one.id)
    Requests(store).note_action(reposts[0].id, "d")
    assert ("d", None) == tuple(Requests(store).action_digest(one.id) for one in reposts[:2])
    prune(store, NOON + ENDED_KEPT)
    assert reposts[2].id == actions.get(reposts[2].id).id
    prune(store, NOON + ENDED_KEPT + timedelta(seconds=1))
    with fails("action.unknown"):
        actions.get(reposts[2].id)
    assert reposts[0].id == actions.get(reposts[0].id).id
    assert {reposts[1].id, reposts[3].id} == {one.id for one in actions.list()}


def test_places_and_drafts_go_with_their_account(store: Store) -> None:
    """What is known of an account's notifications and drafts is gone with the account."""
    inbox, drafts = InboxItems(store), AppDrafts(store)
    (kept,) = store.posts.add([post(did=BOB)])
    inbox.put_place(BOB, Place(("gap",), NOON), Place())
    inbox.start(BOB, ["hello"], first=False)
    drafts.put(BOB, "d", PulledState(kept.id, "r", "l"))
    store.accounts.note_name("bob@example.com", BOB)
    assert (Place(("gap",), NOON), True) == (inbox.place(BOB), "hello" in inbox.started(BOB))
    assert (PulledState(kept.id, "r", "l"), BOB) == (
        drafts.get(BOB, "d"),
        getattr(store.accounts.of_name("bob@example.com"), "did", None),
    )
    store.posts.cancel(kept.id)
    store.accounts.remove(BOB)
    assert (Place(), False, None, None) == (
        inbox.place(BOB),
        "hello" in inbox.started(BOB),
        drafts.get(BOB, "d"),
        store.accounts.of_name("bob@example.com"),
    )


def test_a_session_end_is_announced_once_a_day(store: Store, clock: FakeClock) -> None:
    """Any number of workers and restarts announce it once, and again the next day."""
    answers = [store.accounts.note_session_end(ALICE), store.accounts.note_session_end(ALICE)]
    clock.advance(86_400)
    assert [True, False, True] == [*answers, store.accounts.note_session_end(ALICE)]
