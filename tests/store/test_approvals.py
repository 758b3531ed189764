"""The claim demands an approval of exactly what will be published, on both databases."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from skywrite.core.clock import FakeClock
from skywrite.queue.approval_rules import NOT_APPROVED, digest_of, needs_approval
from skywrite.queue.approvals import Approvals, as_approved
from skywrite.queue.authors import Author, written_by
from skywrite.queue.copying import copy_to
from skywrite.queue.events import Events
from skywrite.queue.model import Changes, Published
from skywrite.queue.store import Store
from skywrite.queue.vault import Vault
from tests.support.claims import claim_next
from tests.support.errors import fails
from tests.support.stored import ALICE, KEY, LEASE_SECONDS, NOON, claimed, later, may_start, media, post, raw, take


@pytest.fixture
def asking(store: Store) -> Store:
    """A store in which alice asks for an approval of everything."""
    store.accounts.set_settings(ALICE, {"approval": "all"})
    return store


def approve(store: Store, post_id: int, by: str = "Berta") -> None:
    """Approve a post as it is."""
    Approvals(store).approve(post_id, digest_of(store.posts.get(post_id)), by)


def test_what_nobody_approved_is_held_at_its_time(asking: Store) -> None:
    """It is held with what to do, and an event says so."""
    asking.posts.add([post()])
    assert None is claim_next(asking, "w", LEASE_SECONDS, take())
    held = asking.posts.get(1)
    assert held.problem is not None
    assert ("held", NOT_APPROVED) == (held.state, held.problem.code)
    assert ["approval.requested", "post.held"] == [event.kind for event in Events(asking).after(0)]


def test_what_was_approved_goes_out(asking: Store) -> None:
    """The claim carries the digest that was approved, and is frozen by the publisher, who compares the mentions."""
    asking.posts.add([post()])
    approve(asking, 1)
    claim = claimed(asking)
    assert (digest_of(asking.posts.get(1)), None) == (claim.approval, claim.post.frozen)
    assert asking.claims.settle(claim, Published("at://x", "cid"))


@pytest.mark.parametrize(
    "changes",
    [
        Changes(prepared={"posts": [{"text": "Other"}]}),
        Changes(due_at=NOON + timedelta(seconds=1)),
        Changes(late_policy="skip", late_seconds=60),
        Changes(late_seconds=5),
    ],
)
def test_any_edit_voids_it_by_comparison(asking: Store, clock: FakeClock, changes: Changes) -> None:
    """Another text, time or lateness is not what was approved; changed back, it is."""
    asking.posts.add([post()])
    before = asking.posts.get(1)
    approve(asking, 1)
    asking.posts.edit(1, changes)
    assert Approvals(asking).standing(asking.posts.get(1)).wanted
    back = Changes(prepared=before.prepared, due_at=NOON, late_policy="publish", late_seconds=None)
    asking.posts.edit(1, back)
    assert not Approvals(asking).standing(asking.posts.get(1)).wanted
    asking.posts.edit(1, changes)
    clock.advance(2)
    assert None is claim_next(asking, "w", LEASE_SECONDS, take())
    assert "held" == asking.posts.get(1).state


def test_only_what_was_looked_at_is_approved(asking: Store) -> None:
    """A digest of an earlier state approves nothing."""
    asking.posts.add([post()])
    seen = digest_of(asking.posts.get(1))
    asking.posts.edit(1, Changes(prepared={"posts": [{"text": "Other"}]}))
    with fails("approval.stale"):
        Approvals(asking).approve(1, seen, "Berta")
    assert [] == Approvals(asking).of(1)


def test_the_database_refuses_a_claim_without_approval(asking: Store) -> None:
    """Even where the program does not look before: it must be this version, and the approval this post's, and stand."""
    asking.posts.add([post(), post("other")])
    mine, other = (digest_of(asking.posts.get(number)) for number in (1, 2))
    approve(asking, 2)
    assert [False, False] == [may_start(asking, approval=mine), may_start(asking, approval=other)]
    approve(asking, 1)
    tried = [may_start(asking, approval="0" * 64), may_start(asking, approval=mine, version=2)]
    assert ([False, False], True) == (tried, may_start(asking, approval=mine))
    Approvals(asking).reject(1, "Carla")
    asking.posts.release(1)
    assert not may_start(asking, approval=mine, version=asking.posts.get(1).version)


def test_a_held_post_is_let_go_by_its_approval(asking: Store, clock: FakeClock) -> None:
    """What came too late for its time goes out when it is approved, however late."""
    asking.posts.add([post(late_policy="hold", late_seconds=60)])
    clock.advance(3600)
    assert None is claim_next(asking, "w", LEASE_SECONDS, take())
    planned = asking.posts.get(1)._replace(late_policy="publish", late_seconds=None)
    Approvals(asking).approve(1, digest_of(planned), "Berta")
    assert 1 == claimed(asking).post.id


def test_a_rejection_withdraws_what_was_approved(asking: Store) -> None:
    """The post is held with the note; released as it is, it is held again."""
    asking.posts.add([post()])
    approve(asking, 1)
    held = Approvals(asking).reject(1, "Carla", note="not today")
    assert held.problem is not None
    assert ("held", "Rejected by Carla: not today") == (held.state, held.problem.message)
    asking.posts.release(1)
    assert None is claim_next(asking, "w", LEASE_SECONDS, take())
    assert ["rejected", "withdrawn"] == [one.verdict for one in Approvals(asking).of(1)]


def test_a_draft_is_scheduled_by_its_approval(store: Store) -> None:
    """With the time that the approver saw."""
    store.posts.add([post(due=None)])
    digest = digest_of(store.posts.get(1)._replace(due_at=later(60)))
    Approvals(store).approve(1, digest, "Berta", at=later(60))
    assert ("scheduled", later(60)) == (store.posts.get(1).state, store.posts.get(1).due_at)


def test_approving_a_draft_is_not_writing_it(asking: Store) -> None:
    """Whoever gave it its time by approving it may approve it again, after somebody else has changed it."""
    asking.posts.add([post(due=None)])
    for text in ("Hello", "Hello again"):
        with written_by("person 1", agent=False):
            ready = as_approved(asking.posts.get(1), NOON, NOON)
            Approvals(asking).approve(1, digest_of(ready), "Berta", at=NOON, who="person 1")
        assert not Approvals(asking).standing(asking.posts.get(1)).wanted
        with written_by("key 2", agent=True):
            asking.posts.edit(1, Changes(prepared={"posts": [{"text": f"{text}!"}]}))


def test_nobody_approves_their_own_post(asking: Store) -> None:
    """Neither who wrote it nor who changed it."""
    with written_by("person 1", agent=False):
        asking.posts.add([post()])
    with written_by("key 2", agent=True):
        asking.posts.edit(1, Changes(late_policy="skip"))
    digest = digest_of(asking.posts.get(1))
    for who in ("person 1", "key 2"):
        with fails("approval.own_post"):
            Approvals(asking).approve(1, digest, who, who=who)
    Approvals(asking).approve(1, digest, "person 3", who="person 3")
    assert not Approvals(asking).standing(asking.posts.get(1)).wanted


def test_what_is_over_is_not_approved(asking: Store) -> None:
    """A cancelled post can be neither approved nor rejected."""
    asking.posts.add([post()])
    asking.posts.cancel(1)
    with fails("post.wrong_state"):
        approve(asking, 1)
    with fails("post.wrong_state"):
        Approvals(asking).reject(1, "Berta")


def test_a_post_in_doubt_is_settled_without_another_approval(store: Store, clock: FakeClock) -> None:
    """The setting that comes later holds back no post that may be on the network already."""
    store.posts.add([post()])
    claimed(store)
    store.accounts.set_settings(ALICE, {"approval": "all"})
    clock.advance(LEASE_SECONDS + 1)
    assert 1 == claimed(store).post.id


@pytest.mark.parametrize(
    ("asked", "source", "authors", "needed"),
    [
        (None, "mcp", (), False),
        ("all", None, (), True),
        ("agents", "mcp", (), True),
        ("agents", "api", (), True),
        ("agents", "page", (), False),
        ("agents", "page", (Author("key 1", True),), True),
        (["feed"], "feed:3", (), True),
        (["feed"], "page", (), False),
        (["feed", "agents"], "mcp", (), True),
        (["command"], None, (), False),
    ],
)
def test_whose_posts_need_one(asked: object, source: str | None, authors: tuple[Author, ...], needed: bool) -> None:
    """Everybody's, agents' (also what they changed of others), or those of some sources."""
    assert needed == needs_approval({"approval": asked} if asked else {}, source, authors)


def test_many_posts_ask_once(asking: Store) -> None:
    """An import of a hundred posts makes one event."""
    asking.posts.add([post(f"text {number}") for number in range(100)])
    events = Events(asking).after(0)
    assert [("approval.requested", 100)] == [(event.kind, event.data["posts"]) for event in events]
    assert [] == raw(asking, "SELECT * FROM approval")


def test_a_copy_of_a_queue_is_the_queue(asking: Store, home: Path, clock: FakeClock) -> None:
    """Of either database, in a SQLite file: posts, settings, approvals and media."""
    asking.posts.add([post(key="k"), post(due=None)], [media(b"bytes")])
    approve(asking, 1)
    claimed(asking)
    copy = copy_to(asking, str(home / "copy.db"), Vault(home, KEY), clock)
    try:
        assert [asking.posts.get(1), asking.posts.get(2)] == [copy.posts.get(1), copy.posts.get(2)]
        assert asking.accounts.get(ALICE).settings == copy.accounts.get(ALICE).settings
        assert (None, Approvals(asking).of(1)) == (copy.accounts.get(ALICE).lease_until, Approvals(copy).of(1))
        assert b"bytes" == b"".join(copy.media.read("bafymedia"))
        assert 3 == copy.posts.add([post("another")])[0].id
    finally:
        copy.close()


@pytest.mark.parametrize("state", [None, "trial", "paused", "unreadable", "on"])
def test_what_a_bot_has_queued_waits_unless_it_was_let_go_on(store: Store, state: str | None) -> None:
    """Pausing it, or taking the setting away, lets nothing go out that nobody looked at."""
    store.accounts.set_settings(ALICE, {"answers": "trial"})
    store.posts.add([post(source="answer")])
    store.accounts.set_settings(ALICE, {"answers": state})
    claim = claim_next(store, "w", LEASE_SECONDS, take())
    assert (state == "on", "publishing" if state == "on" else "held") == (claim is not None, store.posts.get(1).state)
