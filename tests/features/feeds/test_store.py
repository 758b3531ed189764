"""Feeds and their ledger: one checker at a time, each item queued once, everything or nothing."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import Conflict
from skywrite.features.feeds.model import FeedClaim, ItemUpdate, NewFeed, NewItem, Poll
from skywrite.features.feeds.store import FeedStore
from skywrite.queue.base import locked
from skywrite.queue.database import BrokenRule
from skywrite.queue.leases import Leases
from skywrite.queue.model import Problem
from skywrite.queue.store import Store
from tests.support.errors import fails
from tests.support.postgres import PostgresServer
from tests.support.stored import ALICE, BOB, NOON, PROBLEM, OpenAt, OpenStore, later, post, raw, session

URL = "https://site.example/feed"
BIG = 2**63 - 1


def add(store: Store, url: str = URL, **values: Any) -> FeedClaim:
    """A feed of alice's, held for its first look."""
    return FeedStore(store).add_feed(NewFeed(url, values.pop("dids", (ALICE,)), **values), "adder", 60)


def due(store: Store, most: int = 10) -> list[FeedClaim]:
    """Claim feeds that are due."""
    feeds = FeedStore(store).due_feeds()[:most]
    return [claim for number, _ in feeds if (claim := FeedStore(store).claim_due_feed(number, str(id(store)), 60))]


def item(number: int, state: Any = "pending", **values: Any) -> NewItem:
    """An item with three fingerprints made from its number."""
    known: dict[str, Any] = {
        "hash": f"h{number}",
        "title": f"Item {number}",
        "content": {"title": f"Item {number}"},
        "has_guid": True,
        "published_at": NOON,
        "title_hash": number,
        "strong": (number, -number),
        "weak": (number + 1000,),
    }
    return NewItem(state, **{**known, **values})


def until_one_waits(server: PostgresServer) -> None:
    """Return as soon as a transaction waits for another one."""
    with psycopg.connect(server.url, autocommit=True) as connection:
        query = "SELECT 1 FROM pg_stat_activity WHERE cardinality(pg_blocking_pids(pid)) > 0"
        give_up = time.monotonic() + 30
        while connection.execute(query).fetchone() is None:
            assert time.monotonic() < give_up


def look(*items: NewItem, url: str = URL, **values: Any) -> Poll:
    """A look that has shown these items; the next is in half an hour."""
    return Poll(url, "Site", {"etag": "x"}, later(1800), items=items, **values)


def test_a_feed_is_kept_whole(store: Store) -> None:
    """Everything of a feed comes back, with its accounts in the order given."""
    claim = add(store, title="Site", settings={"most": 3}, dids=(BOB, ALICE, BOB))
    FeedStore(store).record_poll(claim, look())
    FeedStore(store).release_feed(claim)
    feed = FeedStore(store).feed(1)
    assert (1, URL, "Site", "active", (BOB, ALICE)) == (feed.id, feed.url, feed.title, feed.state, feed.account_dids)
    assert ({"most": 3}, {"etag": "x"}, NOON, NOON) == (
        feed.settings,
        feed.memory,
        feed.first_polled_at,
        feed.checked_at,
    )
    assert ([feed], feed) == (FeedStore(store).feeds(), FeedStore(store).feed(URL))


def test_an_address_is_one_feed(store: Store) -> None:
    """The same address again, and an account that is not known, are refused, and store nothing."""
    add(store)
    with fails("feed.exists", match="feed 1 already"):
        add(store)
    with fails("account.unknown"):
        add(store, "https://other.example/", dids=("did:plc:nobody",))
    assert 1 == len(FeedStore(store).feeds())


def test_who_knows_of_no_feed_may_add_its_address(store: Store) -> None:
    """The same address is a feed for each of two who do not know of each other; by it neither is meant alone."""
    add(store)
    claim = FeedStore(store).add_feed(NewFeed(URL, (BOB,)), "adder", 60, lambda dids: set(dids) <= {BOB})
    with fails("feed.exists", match="feed 2 already"):
        FeedStore(store).add_feed(NewFeed(URL, (BOB,)), "adder", 60, lambda dids: set(dids) <= {BOB})
    with fails("feed.ambiguous", match="1, 2"):
        FeedStore(store).feed(URL)
    FeedStore(store).remove_feed(claim.feed.id)
    assert (1, (ALICE,)) == (FeedStore(store).feed(URL).id, FeedStore(store).feed(URL).account_dids)


def test_two_that_add_an_address_at_once(store: Store, open_again: OpenStore) -> None:
    """One of them finds the other's."""
    with ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(add, one, dids=(did,)) for one, did in ((store, ALICE), (open_again(), BOB))]
    assert {None, Conflict} == {type(error) if (error := one.exception()) else None for one in futures}
    assert 1 == len(FeedStore(store).feeds())


def test_a_feed_is_taken_when_it_is_due(store: Store, clock: FakeClock) -> None:
    """Held feeds are not taken; given back, they are taken when their time has come, the longest waiting first."""
    first, second = add(store), add(store, "https://other.example/")
    assert (later(60), []) == (FeedStore(store).next_feed_at(), due(store))
    FeedStore(store).record_poll(first, look())
    FeedStore(store).record_poll(second, look(url="https://other.example/")._replace(next_check_at=later(600)))
    for claim in (first, second):
        FeedStore(store).release_feed(claim)
    assert (later(600), []) == (FeedStore(store).next_feed_at(), due(store))
    clock.advance(1800)
    assert [2, 1] == [claim.feed.id for claim in due(store)]
    assert [] == due(store)


def test_a_lease_that_ran_out_lets_another_in(store: Store, clock: FakeClock) -> None:
    """A checker that never came back loses the feed, and can change nothing any more."""
    old = add(store)
    assert FeedStore(store).claim_feed(1, "w", 60) is None
    clock.advance(60)
    new = due(store)[0]
    for late in (
        lambda: FeedStore(store).record_poll(old, look(item(1))),
        lambda: FeedStore(store).renew_feed(old, 60),
        lambda: FeedStore(store).queue_item(old, 1, [post()]),
        lambda: FeedStore(store).fail_item(old, 1, PROBLEM, permanently=True),
    ):
        with fails("feed.lease_lost"):
            late()
    FeedStore(store).release_feed(old)
    assert str(id(store)) == FeedStore(store).feed(1).lease_owner
    FeedStore(store).record_poll(new, look(item(1)))
    assert {1: {"pending": 1}} == FeedStore(store).count_items()


def test_renewing_keeps_a_feed(store: Store, clock: FakeClock) -> None:
    """A lease that is renewed lasts from then on."""
    claim = add(store)
    clock.advance(50)
    FeedStore(store).renew_feed(claim, 60)
    clock.advance(50)
    assert [] == due(store)


def test_leases_of_the_dead_end(store: Store) -> None:
    """A worker that is known to be gone holds nothing any more."""
    add(store)
    assert (["adder"], 1) == (Leases(store).owners(), Leases(store).end("adder"))
    assert [1] == [claim.feed.id for claim in due(store)]


def test_the_ledger_knows_items_by_every_fingerprint(store: Store) -> None:
    """64-bit numbers of either sign; the first item that had one keeps it."""
    claim = add(store)
    FeedStore(store).record_poll(claim, look(item(1, strong=(BIG, -BIG - 1)), item(2, strong=(BIG, 5), state="passed")))
    known = FeedStore(store).known_items(1, [BIG, -BIG - 1, 5, 1001, 77])
    assert {BIG: 1, -BIG - 1: 1, 5: 2, 1001: 1} == {number: one.id for number, one in known.items()}
    one = known[BIG]
    assert ("pending", True, NOON, 1, 2) == (
        one.state,
        one.has_guid,
        one.published_at,
        one.title_hash,
        one.fingerprints,
    )
    assert {} == FeedStore(store).known_items(2, [BIG])


def test_many_fingerprints_are_asked_for(store: Store) -> None:
    """A feed of thousands of items is looked up whole."""
    claim = add(store)
    FeedStore(store).record_poll(claim, look(*(item(number) for number in range(1, 40))))
    assert 39 * 3 == len(
        FeedStore(store).known_items(1, [sign * number for number in range(1, 8_000) for sign in (1, -1)])
    )


def test_an_edit_replaces_what_is_weak_only(store: Store) -> None:
    """Weak fingerprints follow the item; strong ones stay for ever; a waiting item says what it says now."""
    claim = add(store)
    FeedStore(store).record_poll(claim, look(item(1)))
    update = ItemUpdate(1, "New", {"title": "New"}, True, later(5), 9, (50,), (2000,))
    FeedStore(store).record_poll(claim, look(updates=(update,)))
    assert {1, -1, 50, 2000} == set(FeedStore(store).known_items(1, [1, -1, 50, 1001, 2000]))
    (waiting,) = FeedStore(store).pending_items(1, 5)
    assert ("New", {"title": "New"}, later(5)) == (waiting.title, waiting.content, waiting.published_at)
    assert 3 == FeedStore(store).known_items(1, [1])[1].fingerprints


def test_items_wait_in_order_and_those_in_trouble_last(store: Store) -> None:
    """The oldest first; one that made trouble lets the others pass, and keeps its reason."""
    claim = add(store)
    FeedStore(store).record_poll(claim, look(item(1), item(2), item(3)))
    FeedStore(store).fail_item(claim, 1, PROBLEM, permanently=False)
    waiting = FeedStore(store).pending_items(1, 5)
    assert ([2, 3, 1], PROBLEM, 1) == ([one.id for one in waiting], waiting[2].problem, waiting[2].tries)
    FeedStore(store).fail_item(claim, 2, PROBLEM, permanently=True)
    assert {1: {"failed": 1, "pending": 2}} == FeedStore(store).count_items()


def test_an_edit_lets_failed_items_wait_again(store: Store) -> None:
    """Items that could not be posted keep what they say; an edit of the feed makes them wait, and the feed due."""
    claim = add(store)
    failed = item(2, state="failed", problem=PROBLEM)
    FeedStore(store).record_poll(claim, look(item(1), failed, item(3, state="filtered")))
    FeedStore(store).fail_item(claim, 1, PROBLEM, permanently=True)
    FeedStore(store).release_feed(claim)
    FeedStore(store).edit_feed(1, [ALICE], {"template": "x"})
    waiting = FeedStore(store).pending_items(1, 5)
    assert [(1, 0, None), (2, 0, None)] == [(one.id, one.tries, one.problem) for one in waiting]
    assert ([item(1).content, failed.content], NOON) == (
        [one.content for one in waiting],
        FeedStore(store).feed(1).next_check_at,
    )


def test_an_edit_leaves_a_feed_to_its_checker(store: Store) -> None:
    """A feed that is being checked is not taken by another because it was edited."""
    claim = add(store)
    FeedStore(store).record_poll(claim, look(item(1), item(2)))
    FeedStore(store).fail_item(claim, 1, PROBLEM, permanently=True)
    FeedStore(store).edit_feed(1, [ALICE], {})
    assert ([], {1: {"pending": 2}}) == (due(store), FeedStore(store).count_items())
    FeedStore(store).filter_item(claim, 1)
    assert {1: {"filtered": 1, "pending": 1}} == FeedStore(store).count_items()


def test_queueing_is_one_transaction(store: Store) -> None:
    """The posts and the mark in the ledger come together, once; a second time nothing is added."""
    claim = add(store, dids=(ALICE, BOB))
    FeedStore(store).record_poll(claim, look(item(1)))
    posts = [post("a", did=did, key=f"feed:1:h1:{did}") for did in (ALICE, BOB)]
    results = FeedStore(store).queue_item(claim, 1, posts)
    assert [(1, False), (2, False)] == [(result.id, result.existed) for result in results]
    assert ([], {1: {"queued": 1}}) == (
        FeedStore(store).queue_item(claim, 1, posts),
        FeedStore(store).count_items(),
    )
    assert None is FeedStore(store).feed_items(1)[0].content


def test_a_post_that_cannot_be_stored_leaves_the_item_waiting(store: Store) -> None:
    """When anything fails, nothing is done."""
    claim = add(store)
    FeedStore(store).record_poll(claim, look(item(1)))
    with fails("media.unknown"):
        FeedStore(store).queue_item(claim, 1, [post(), post(media=("bafymissing",))])
    assert ({1: {"pending": 1}}, []) == (FeedStore(store).count_items(), store.listing.posts())


def test_a_key_is_the_second_fence(store: Store) -> None:
    """A post with the item's key that is there already is not stored again."""
    claim = add(store)
    FeedStore(store).record_poll(claim, look(item(1)))
    store.posts.add([post(key="feed:1:h1:a")])
    assert [(1, True)] == [result[:2] for result in FeedStore(store).queue_item(claim, 1, [post(key="feed:1:h1:a")])]


def test_a_look_is_all_or_nothing(store: Store) -> None:
    """An item that breaks a rule of the database takes the whole look with it."""
    claim = add(store)
    with pytest.raises(BrokenRule):
        FeedStore(store).record_poll(claim, look(item(1), item(2, state="failed")))
    assert ({}, {}, None) == (
        FeedStore(store).count_items(),
        FeedStore(store).feed(1).memory,
        FeedStore(store).feed(1).first_polled_at,
    )
    FeedStore(store).record_poll(claim, look(item(2, state="failed", problem=Problem("X", "y"))))
    assert {1: {"failed": 1}} == FeedStore(store).count_items()


def test_a_feed_moves_to_a_free_address_only(store: Store) -> None:
    """A new address is kept, unless another feed has it."""
    claim = add(store)
    add(store, "https://taken.example/")
    FeedStore(store).record_poll(claim, look(url="https://taken.example/"))
    assert URL == FeedStore(store).feed(1).url
    FeedStore(store).record_poll(claim, look(url="https://new.example/"))
    assert "https://new.example/" == FeedStore(store).feed(1).url


def test_a_feed_that_is_gone_is_never_due(store: Store, clock: FakeClock) -> None:
    """Without a next check nobody takes it by itself."""
    claim = add(store)
    gone = look()._replace(state="gone", next_check_at=None, failures=3, problem=PROBLEM, answered=False)
    FeedStore(store).record_poll(claim, gone)
    FeedStore(store).release_feed(claim)
    clock.advance(timedelta(days=400).total_seconds())
    assert (None, [], None) == (
        FeedStore(store).next_feed_at(),
        due(store),
        FeedStore(store).feed(1).first_polled_at,
    )
    assert FeedStore(store).claim_feed(1, "w", 60) is not None


def test_removing_a_feed_forgets_its_ledger(store: Store) -> None:
    """Items and fingerprints go; posts stay; its number is never used again."""
    claim = add(store)
    FeedStore(store).record_poll(claim, look(item(1)))
    FeedStore(store).queue_item(claim, 1, [post()])
    FeedStore(store).remove_feed(1)
    assert ([], 1, {}) == (
        FeedStore(store).feeds(),
        len(store.listing.posts()),
        FeedStore(store).known_items(1, [1]),
    )
    assert [] == raw(store, "SELECT * FROM feed_fingerprint")
    with fails("feed.unknown"):
        FeedStore(store).remove_feed(1)
    with fails("feed.lease_lost"):
        FeedStore(store).record_poll(claim, look())
    assert 2 == add(store).feed.id


def test_removing_an_account_takes_it_from_its_feeds(store: Store) -> None:
    """The feed stays, for the others."""
    add(store, dids=(ALICE, BOB))
    store.accounts.remove(ALICE)
    assert (BOB,) == FeedStore(store).feed(1).account_dids


def test_two_processes_claim_different_feeds(store: Store, open_again: OpenStore, clock: FakeClock) -> None:
    """What one has taken, the other does not see."""
    for number in range(6):
        claim = add(store, f"https://{number}.example/")
        FeedStore(store).record_poll(claim, look(url=f"https://{number}.example/")._replace(next_check_at=NOON))
        FeedStore(store).release_feed(claim)
    other = open_again()
    taken = [claim.feed.id for one in (store, other, store) for claim in due(one, 2)]
    assert [1, 2, 3, 4, 5, 6] == sorted(taken)


def test_an_edit_and_a_check_never_wait_for_each_other(
    postgres: PostgresServer, postgres_address: str, open_at: OpenAt
) -> None:
    """While a check holds the feed, an edit waits without an account in its hands, and is carried out afterwards."""
    store = open_at(postgres_address)
    store.accounts.sign_in(session(ALICE))
    add(store)
    edit = threading.Thread(target=FeedStore(store).edit_feed, args=(1, [ALICE], {"most": 2}))
    with store.writing() as check:
        check.row("lock_feed", id=1)
        edit.start()
        until_one_waits(postgres)
        locked(check, ALICE)
    edit.join()
    assert {"most": 2} == FeedStore(store).feed(1).settings
