"""Recurrences, slots and settings."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.model import Defer, Miss, NewRecurrence, Published, Slot
from skywrite.queue.store import Store
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.stored import (
    ALICE,
    BOB,
    LEASE_SECONDS,
    NOON,
    PROBLEM,
    claimed,
    decide_with,
    later,
    media,
    post,
)

DAILY = NewRecurrence(
    ALICE,
    "0 9 * * *",
    "Europe/Berlin",
    draft={"text": "Good morning"},
    pool=({"text": "a"}, {"text": "b"}),
    prepared={"p": 1},
    until=later(10**6),
    exceptions={"2026-12-24": None},
    jitter_seconds=300,
    late_policy="skip",
    late_seconds=900,
    source="app",
)


def test_recurrence_round_trip(store: Store) -> None:
    """A rule comes back as it was handed over, with its first post."""
    number = store.recurrences.add(DAILY, post("Good morning", occurrence=later(60), due=later(60))).id
    rule = store.recurrences.get(number)
    for name in ("account_did", "rule", "zone", "draft", "pool", "prepared", "until", "exceptions"):
        assert getattr(DAILY, name) == getattr(rule, name)
    assert (300, "skip", 900, "app", "active", 1) == (
        rule.jitter_seconds,
        rule.late_policy,
        rule.late_seconds,
        rule.source,
        rule.state,
        rule.position,
    )
    first = store.listing.posts(recurrence_id=number)[0]
    assert (number, later(60), later(60)) == (first.recurrence_id, first.occurrence, store.claims.next_ready_at())


def test_posts_and_rules_together(store: Store) -> None:
    """Posts, and rules with their first posts, are stored in one transaction, each with its numbers."""
    added, rules = store.recurrences.add_with_posts(
        [post("x", key="k"), post("x", key="k")], [(DAILY, post(occurrence=NOON))]
    )
    assert ([(1, False), (1, True)], [(1, False)]) == (
        [(one.id, one.existed) for one in added],
        [(number, result.existed) for number, result in rules],
    )
    assert ([(1, None), (rules[0][1].id, 1)], 1) == (
        sorted((stored.id, stored.recurrence_id) for stored in store.listing.all_posts()),
        store.recurrences.get(1).position,
    )


def test_posts_and_rules_together_or_not_at_all(store: Store) -> None:
    """A rule that cannot be stored keeps everything else out."""
    with fails("media.unknown"):
        store.recurrences.add_with_posts([post("x")], [(DAILY, post()), (DAILY._replace(media=("bafyx",)), post())])
    assert ([], []) == (list(store.listing.all_posts()), store.recurrences.all())


def test_rules_of_an_account(store: Store) -> None:
    """Rules are listed for all accounts or for one."""
    numbers = [store.recurrences.add(DAILY).id, store.recurrences.add(DAILY._replace(account_did=BOB)).id]
    assert (numbers, numbers[1:]) == (
        [r.id for r in store.recurrences.all()],
        [r.id for r in store.recurrences.all(BOB)],
    )


@pytest.mark.parametrize(("state", "turns"), [("cancelled", [0, 1]), ("held", [1, 1])])
def test_a_skipped_occurrence_gives_its_turn_back(store: Store, clock: FakeClock, state: Any, turns: list[int]) -> None:
    """The next one takes its text; one that is held may still go out with it, and other rules' turns stay."""
    for number in (1, 2):
        store.recurrences.add(DAILY, post(f"from {number}", occurrence=NOON, due=later(number)))
    clock.advance(2)
    decide, _ = decide_with(Miss(state, PROBLEM), Defer(later(60)))
    assert None is claim_next(store, "w", LEASE_SECONDS, decide)
    assert turns == [store.recurrences.get(number).position for number in (1, 2)]


def test_one_post_for_an_occurrence(store: Store, clock: FakeClock) -> None:
    """However often an occurrence is added, there is one post for it, and the pool moves on by one."""
    number = store.recurrences.add(DAILY, post(occurrence=NOON)).id
    follow = post("b", recurrence_id=number, occurrence=later(60), due=later(60))
    store.claims.settle(claimed(store), Published("at://a/b/c", "bafyc"), follow=follow)
    again = store.posts.add([follow])[0]
    assert (True, 2, 2) == (again.existed, len(list(store.listing.all_posts())), store.recurrences.get(number).position)


def test_next_post_of_a_rule(store: Store) -> None:
    """It is stored once, while the rule is as it was read."""
    rule = store.recurrences.get(store.recurrences.add(DAILY).id)
    follow = post("b", occurrence=later(60), due=later(60))
    assert [True, False] == [store.recurrences.add_occurrence(rule, follow) for _ in range(2)]
    assert (["b"], [rule.id]) == (
        [p.text for p in store.listing.posts()],
        [p.recurrence_id for p in store.listing.posts()],
    )


@pytest.mark.parametrize("way", ["removed", "changed"])
def test_no_next_post_of_another_rule(store: Store, clock: FakeClock, way: str) -> None:
    """A rule that was removed or changed since it was read gives no post, and that is no error."""
    rule = store.recurrences.get(store.recurrences.add(DAILY).id)
    clock.advance(1)
    if way == "removed":
        store.recurrences.remove(rule.id)
    else:
        store.recurrences.update(rule._replace(state="paused"))
    assert (False, []) == (
        store.recurrences.add_occurrence(rule, post("b", occurrence=later(60))),
        list(store.listing.all_posts()),
    )


def test_changed_rule(store: Store) -> None:
    """A rule can be changed; its place in the pool stays."""
    number = store.recurrences.add(DAILY, post(occurrence=NOON)).id
    changed = store.recurrences.update(
        store.recurrences.get(number)._replace(rule="0 8 * * *", state="paused", position=9)
    )
    assert (changed, "0 8 * * *", "paused", 1) == (
        store.recurrences.get(number),
        changed.rule,
        changed.state,
        changed.position,
    )


def test_lost_update_is_refused(store: Store, clock: FakeClock) -> None:
    """Of two changes to the same reading of a rule, the second one is told to look again."""
    rule = store.recurrences.get(store.recurrences.add(DAILY).id)
    clock.advance(1)
    store.recurrences.update(rule._replace(zone="UTC"))
    with fails("post.wrong_state", match="changed or removed meanwhile"):
        store.recurrences.update(rule._replace(rule="0 7 * * *"))
    assert "UTC" == store.recurrences.get(rule.id).zone


def test_removed_rule(store: Store) -> None:
    """With a rule go its waiting posts; what was published stays in the history."""
    number = store.recurrences.add(DAILY, post("first", occurrence=NOON)).id
    store.claims.settle(
        claimed(store),
        Published("at://a/b/c", "bafyc"),
        follow=post("second", recurrence_id=number, occurrence=later(60), due=later(60)),
    )
    assert 1 == store.recurrences.remove(number)
    with fails("recurrence.unknown"):
        store.recurrences.get(number)
    assert (["cancelled", "published"], None) == (
        sorted(p.state for p in store.listing.all_posts()),
        store.claims.next_ready_at(),
    )


def test_media_of_a_rule_stay(store: Store, clock: FakeClock) -> None:
    """Bytes that a rule's later posts need are not pruned."""
    store.media.put(media(b"1", "bafy"))
    number = store.recurrences.add(DAILY._replace(media=("bafy",))).id
    clock.advance(10 * 86_400)
    kept = store.media.prune()
    store.recurrences.remove(number)
    assert (0, 1) == (kept, store.media.prune())


def test_slots(store: Store) -> None:
    """An account's weekly slots are replaced as a whole, and listed from Monday on."""
    store.recurrences.set_slots(ALICE, [Slot(5, 0, "UTC")])
    store.recurrences.set_slots(
        ALICE, [Slot(6, 1439, "UTC"), Slot(0, 540, "Europe/Berlin"), Slot(0, 540, "Europe/Berlin")]
    )
    assert ([Slot(0, 540, "Europe/Berlin"), Slot(6, 1439, "UTC")], []) == (
        store.recurrences.slots(ALICE),
        store.recurrences.slots(BOB),
    )


@pytest.mark.parametrize("value", [0, False, "", "text", [1, 2], {"a": None}, 1.5])
def test_settings(store: Store, value: object) -> None:
    """A setting is any JSON value; None forgets it."""
    store.settings.put("app", "name", "old")
    store.settings.put("app", "name", value)
    values = (store.settings.get("app", "name"), store.settings.all("app"), store.settings.all("other"))
    store.settings.put("app", "name", None)
    assert ((value, {"name": value}, {}), "default") == (values, store.settings.get("app", "name", "default"))


def test_occurrence_belongs_to_one_rule(store: Store) -> None:
    """Two rules may both have a post for the same moment."""
    numbers = [store.recurrences.add(DAILY, post(occurrence=NOON)).id for _ in range(2)]
    assert (2, 2) == (len(set(numbers)), store.listing.count()["scheduled"])
    assert timedelta(0) == (store.listing.posts()[0].occurrence or later(1)) - NOON


def test_rules_without_a_waiting_post(store: Store) -> None:
    """An active rule whose posts are all done with is found, with its last occurrence; a busy or paused one is not."""
    idle = store.recurrences.add(DAILY, post(occurrence=NOON)).id
    store.claims.settle(claimed(store), Published("at://a/b/c", "bafyc"))
    store.recurrences.add(DAILY, post(occurrence=later(60), due=later(60)))
    paused = store.recurrences.get(store.recurrences.add(DAILY).id)
    store.recurrences.update(paused._replace(state="paused"))
    assert [(idle, NOON)] == [(rule.id, last) for rule, last in store.recurrences.idle()]


def test_a_moved_post_does_not_keep_its_rule(store: Store) -> None:
    """Once the moment has come for which it was made, a post that was moved to later makes its rule wait no more."""
    ahead = store.recurrences.add(DAILY, post(occurrence=later(60), due=later(9999))).id
    passed = store.recurrences.add(DAILY, post(occurrence=NOON, due=later(9999))).id
    overdue = store.recurrences.add(DAILY, post(occurrence=later(-60), due=later(-30))).id
    numbers = [[rule.id for rule, _ in store.recurrences.idle(number)] for number in (ahead, passed, overdue, None)]
    assert [[], [passed], [], [passed]] == numbers
