"""One approval of a recurrence covers the posts that come from exactly its template, on both databases."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.approval_rules import NOT_APPROVED, digest_of
from skywrite.queue.approvals import Approvals, TemplateApprovals
from skywrite.queue.authors import written_by
from skywrite.queue.events import Events
from skywrite.queue.model import Changes, NewPost, NewRecurrence, Recurrence
from skywrite.queue.store import Store
from skywrite.queue.templates import template_digest
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.stored import ALICE, LEASE_SECONDS, NOON, claimed, later, may_start, post, take

DAY = 24 * 3600


def rule(*texts: str, **values: Any) -> NewRecurrence:
    """A recurrence with one text, or a pool of them."""
    entries = [{"draft": {"text": text}, "prepared": {"posts": [{"text": text}]}} for text in texts]
    pool = tuple(entries) if len(entries) > 1 else ()
    return NewRecurrence(ALICE, "daily 12:00", "UTC", entries[0]["draft"], pool, entries[0]["prepared"], **values)


def occurrence(text: str, day: int = 0, *, delay: float = 0, **values: Any) -> NewPost:
    """The post of a day."""
    return post(text, due=later(day * DAY + delay), occurrence=later(day * DAY), **values)


@pytest.fixture
def daily(store: Store) -> Recurrence:
    """A recurrence of two texts with a random delay of up to a minute, on an account that asks for approvals."""
    store.accounts.set_settings(ALICE, {"approval": "all"})
    new = rule("One", "Two", jitter_seconds=60)
    return store.recurrences.get(store.recurrences.add(new, occurrence("One", delay=5)).id)


def approve(store: Store, recurrence: Recurrence) -> None:
    """Approve the template as it is."""
    TemplateApprovals(store).approve(recurrence.id, template_digest(recurrence), "Berta")


def goes_out(store: Store, clock: FakeClock) -> bool:
    """Whether a worker may take the next post a minute later; if not, it is held for want of an approval."""
    clock.advance(60)
    claim = claim_next(store, "w", LEASE_SECONDS, take())
    return claim is not None


def test_its_occurrences_need_no_other_approval(store: Store, daily: Recurrence, clock: FakeClock) -> None:
    """Neither the one that waits nor the next one, which asks nobody."""
    approve(store, daily)
    assert not Approvals(store).standing(store.posts.get(1)).wanted
    assert store.recurrences.add_occurrence(store.recurrences.get(daily.id), occurrence("Two", 1))
    asked = [event.subject_id for event in Events(store).after(0) if event.kind == "approval.requested"]
    assert ([1], True) == (asked, goes_out(store, clock))


def test_without_it_each_is_held(store: Store, daily: Recurrence, clock: FakeClock) -> None:
    """With a hint at both ways to approve."""
    assert not goes_out(store, clock)
    held = store.posts.get(1)
    assert held.problem is not None
    assert (NOT_APPROVED, True) == (held.problem.code, f"recurrences.approve({daily.id})" in held.problem.hint)


@pytest.mark.parametrize(
    "changes",
    [
        Changes(prepared={"posts": [{"text": "Three"}]}),
        Changes(due_at=NOON + timedelta(seconds=61)),
        Changes(due_at=NOON - timedelta(seconds=1)),
        Changes(late_policy="hold"),
        Changes(late_seconds=5),
    ],
)
def test_what_does_not_come_from_the_template_is_held(
    store: Store, daily: Recurrence, clock: FakeClock, changes: Changes
) -> None:
    """An edit of one post needs its own approval; the edit taken back needs none."""
    approve(store, daily)
    before = store.posts.get(1)
    store.posts.edit(1, changes)
    assert Approvals(store).standing(store.posts.get(1)).wanted
    assert before.due_at is not None
    store.posts.edit(
        1, Changes(prepared=before.prepared, due_at=before.due_at, late_policy="publish", late_seconds=None)
    )
    assert not Approvals(store).standing(store.posts.get(1)).wanted
    store.posts.edit(1, changes)
    clock.advance(60)
    assert not goes_out(store, clock)


def test_an_edit_of_the_recurrence_voids_it(store: Store, daily: Recurrence, clock: FakeClock) -> None:
    """By comparison: changed back, and with a post that was made since, it counts again."""
    approve(store, daily)
    other = store.recurrences.replace(daily, rule("One", "Other", jitter_seconds=60), occurrence("One", delay=6))
    assert not TemplateApprovals(store).is_approved(other)
    assert not goes_out(store, clock)
    again = store.recurrences.replace(other, rule("One", "Two", jitter_seconds=60), occurrence("Two", 1))
    assert TemplateApprovals(store).is_approved(again)
    clock.advance(DAY)
    assert goes_out(store, clock)


def test_a_post_of_an_earlier_template_is_not_covered_by_a_later_one(
    store: Store, daily: Recurrence, clock: FakeClock
) -> None:
    """Its time was never looked at: a post that was due when the rule was changed keeps needing its own approval."""
    clock.advance(60)
    later_rule = rule("One", "Two", jitter_seconds=60)._replace(rule="daily 18:00")
    changed = store.recurrences.replace(daily, later_rule, occurrence("One", 1))
    approve(store, changed)
    assert ["scheduled", True] == [store.posts.get(1).state, Approvals(store).standing(store.posts.get(1)).wanted]
    assert not goes_out(store, clock)


def test_only_what_was_looked_at_is_approved(store: Store, daily: Recurrence) -> None:
    """A digest of an earlier template approves nothing."""
    seen = template_digest(daily)
    store.recurrences.replace(daily, rule("Three"), occurrence("Three", 1))
    with fails("approval.stale"):
        TemplateApprovals(store).approve(daily.id, seen, "Berta")
    assert [] == TemplateApprovals(store).of(daily.id)


def test_a_rejection_withdraws_it_and_holds_what_waits(store: Store, daily: Recurrence, clock: FakeClock) -> None:
    """Released as it is, the post is held again."""
    approve(store, daily)
    TemplateApprovals(store).reject(daily.id, "Carla", note="too often")
    held = store.posts.get(1)
    assert held.problem is not None
    assert ("held", "Rejected by Carla: too often") == (held.state, held.problem.message)
    store.posts.release(1)
    assert not goes_out(store, clock)
    assert ["rejected", "withdrawn"] == [one.verdict for one in TemplateApprovals(store).of(daily.id)]


def test_a_rejected_post_is_not_covered(store: Store, daily: Recurrence, clock: FakeClock) -> None:
    """Who says no to one post of an approved recurrence means that one; the next goes out."""
    approve(store, daily)
    Approvals(store).reject(1, "Carla")
    store.posts.release(1)
    assert not goes_out(store, clock)
    Approvals(store).approve(1, digest_of(store.posts.get(1)._replace(late_policy="publish")), "Berta")
    assert 1 == claimed(store).post.id


def test_nobody_approves_what_they_made(store: Store) -> None:
    """Neither who made the recurrence nor who changed it."""
    with written_by("key 1", agent=True):
        number = store.recurrences.add(rule("One"), occurrence("One", 1)).id
    with written_by("person 2", agent=False):
        changed = store.recurrences.replace(store.recurrences.get(number), rule("Two"), occurrence("Two", 1))
    for who in ("key 1", "person 2"):
        with fails("approval.own_post"):
            TemplateApprovals(store).approve(number, template_digest(changed), who, who=who)
    TemplateApprovals(store).approve(number, template_digest(changed), "person 3", who="person 3")
    assert TemplateApprovals(store).is_approved(changed)


def test_the_database_refuses_what_the_template_does_not_cover(store: Store, daily: Recurrence) -> None:
    """Even where the program does not look before: the approval must be of this version's template, and stand."""
    same = store.recurrences.add(rule("One", "Two", jitter_seconds=60), occurrence("One", delay=6)).id
    covered = {"approval": "x", "template": template_digest(daily)}
    assert template_digest(daily) == template_digest(store.recurrences.get(same))
    assert not may_start(store, **covered)
    approve(store, daily)
    tried = [may_start(store, **covered | wrong) for wrong in ({"id": 2}, {"template": ""}, {"version": 2})]
    assert ([False] * 3, True) == (tried, may_start(store, **covered))
    Approvals(store).reject(2, "Carla")
    approve(store, store.recurrences.get(same))
    Approvals(store).approve(1, digest_of(store.posts.get(1)), "Berta")
    store.posts.release(2)
    tried = [may_start(store, **covered), may_start(store, **covered, id=2, version=store.posts.get(2).version)]
    assert [True, False] == tried
    TemplateApprovals(store).reject(daily.id, "Carla")
    store.posts.release(1)
    assert not may_start(store, **covered, version=store.posts.get(1).version)


def test_the_database_refuses_a_post_of_another_template(store: Store, daily: Recurrence, clock: FakeClock) -> None:
    """One that an earlier template has made is not started under the approval of a later one."""
    clock.advance(60)
    later_rule = rule("One", "Two", jitter_seconds=60)._replace(rule="daily 18:00")
    changed = store.recurrences.replace(daily, later_rule, occurrence("One", 1))
    approve(store, changed)
    covered = {"approval": "x", "template": template_digest(changed)}
    assert [False, True] == [may_start(store, **covered), may_start(store, **covered, id=2)]
