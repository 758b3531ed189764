"""One text for several accounts: stored together or not at all, moved and cancelled together, each out once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from skywrite.app import Skywrite
from skywrite.features.groups.service import START
from skywrite.queue.model import Problem
from tests.support.errors import fails
from tests.support.world import NOON, World

BOTH = ["alice.test", "bob.test"]
SOON = NOON + timedelta(hours=1)


@pytest.fixture
def both(world: World, sky: Skywrite) -> Skywrite:
    """A queue with three accounts."""
    for handle in ("bob.test", "carol.test"):
        sky.accounts.login(handle, world.box.account(handle).app_password, pds=world.box.url)
    return sky


def test_each_account_has_its_post_and_each_goes_out_once(world: World, both: Skywrite) -> None:
    """However often the worker runs; the one that differs says its own."""
    group = both.groups.add("We are open", accounts=BOTH, variants={"bob.test": {"text": "Me, too"}}, at=SOON)
    assert [("alice.test", SOON), ("bob.test", SOON)] == [(one.account.handle, one.post.due_at) for one in group.posts]
    world.clock.advance(3700)
    for _ in range(3):
        both.run_once()
    states = {
        (one.account.handle, one.post.text, one.post.state) for one in both.groups.get(group.posts[0].post.id).posts
    }
    assert {("alice.test", "We are open", "published"), ("bob.test", "Me, too", "published")} == states


def test_all_are_stored_or_none(both: Skywrite) -> None:
    """A variant that is too long stops the whole group, and so does one for an account that is not in it."""
    with fails("text.too_long"):
        both.groups.add("Fine", accounts=BOTH, variants={"bob.test": {"text": "x" * 301}}, at=SOON)
    with fails("input.invalid", "not among"):
        both.groups.add("Fine", accounts=["alice.test"], variants={"bob.test": {"text": "No"}}, at=SOON)
    assert [] == both.posts.list()


def test_the_same_key_again_adds_nothing(both: Skywrite) -> None:
    """A request that is repeated finds what the first one made."""
    first = both.groups.add("Once", accounts=BOTH, at=SOON, key="mine")
    again = both.groups.add("Once", accounts=BOTH, at=SOON, key="mine")
    numbers = [[one.post.id for one in group.posts] for group in (first, again)]
    assert (numbers[0], True, 2) == (numbers[1], again.existed, len(both.posts.list()))


def test_they_move_and_end_together(both: Skywrite) -> None:
    """By the number of any of them; what is out already stays."""
    group = both.groups.add("Together", accounts=BOTH, at=SOON)
    first, second = (one.post.id for one in group.posts)
    both.groups.move(second, SOON + timedelta(hours=1))
    assert {SOON + timedelta(hours=1)} == {one.post.due_at for one in both.groups.get(first).posts}
    both.posts.cancel(first)
    both.groups.cancel(first)
    assert {"cancelled"} == {one.post.state for one in both.groups.get(second).posts}
    with fails("post.not_editable"):
        both.groups.cancel(second)


def test_a_key_that_two_accounts_share_by_chance_is_no_group(both: Skywrite) -> None:
    """Only what was made together belongs together."""
    for handle in BOTH:
        both.schedule("Mine", at=SOON, key="2027", account=handle)
    number = both.posts.list()[0].post.id
    assert [number] == [one.post.id for one in both.groups.get(number).posts]
    assert START not in str(both.posts.list()[0].post.key)


def test_a_key_of_that_form_joins_no_group(world: World, both: Skywrite) -> None:
    """Whoever learns the name of a group puts no post into it, so no draft of theirs goes out with it."""
    group = both.groups.add("We are open", accounts=["alice.test"], at=SOON, key="sat")
    for handle in BOTH:
        stranger = both.schedule(f"Mine, {handle}", account=handle, key=f"{group.posts[0].post.key} 2", draft=True)
        assert [stranger.id] == [one.post.id for one in both.groups.get(stranger.id).posts]
    joined = both.schedule("Never approved", account="bob.test", key=group.posts[0].post.key, draft=True)
    moved = both.groups.move(group.number, SOON + timedelta(hours=1))
    assert [group.number] == [one.post.id for one in moved.posts]
    assert "draft" == both.posts.get(joined.id).post.state


@pytest.mark.parametrize("accounts", [["alice.test", "bob.test"], ["bob.test"]])
def test_a_key_stands_for_one_group(both: Skywrite, accounts: list[str]) -> None:
    """With other accounts it is another request, and nothing of it is stored."""
    both.groups.add("Once", accounts=["alice.test"], at=SOON, key="mine")
    if accounts == ["bob.test"]:
        both.schedule("Once", account="bob.test", key="together:mine", at=SOON)
    before = len(both.posts.list())
    with fails("post_key.reused"):
        both.groups.add("Once", accounts=accounts, at=SOON, key="mine")
    assert before == len(both.posts.list())


def test_one_that_cannot_move_keeps_all_where_they_are(both: Skywrite) -> None:
    """All of those that wait move or end, or none: the error says so."""
    group = both.groups.add("Together", accounts=BOTH, at=SOON)
    first, second = (one.post.id for one in group.posts)
    _run_sql(both, f"UPDATE post SET frozen = '{{}}' WHERE id = {second}")
    with fails("post.not_editable", "Nothing of its group was changed"):
        both.groups.move(first, SOON + timedelta(hours=1))
    with fails("post.not_cancellable", "Nothing of its group was changed"):
        both.groups.cancel(first)
    assert {("scheduled", SOON)} == {(one.post.state, one.post.due_at) for one in both.groups.get(first).posts}


def test_what_is_said_of_a_move_is_what_moved(both: Skywrite) -> None:
    """What was cancelled before, or is out, is not among the posts that a change names."""
    group = both.groups.add("Together", accounts=BOTH, at=SOON)
    first, second = (one.post.id for one in group.posts)
    both.posts.cancel(first)
    assert (second,) == both.groups.move(first, SOON + timedelta(hours=1)).changed
    assert (second,) == both.groups.cancel(first).changed


def test_what_a_person_holds_back_does_not_move(both: Skywrite) -> None:
    """A hold and a rejection are somebody's word; a post that was held because it was late moves."""
    group = both.groups.add("Together", accounts=[*BOTH, "carol.test"], at=SOON)
    mine, rejected, late = (one.post.id for one in group.posts)
    both.posts.hold(mine)
    both.approvals.reject(rejected, "carol", note="Not like this.")
    both.context.store.posts.hold(late, Problem("post.late", "It is late."))
    moved = both.groups.move(mine, SOON + timedelta(hours=1))
    assert ((late,), ["held", "held", "scheduled"]) == (moved.changed, [one.post.state for one in moved.posts])


def test_a_rejected_draft_does_not_move(both: Skywrite) -> None:
    """The others of its group are scheduled."""
    group = both.groups.add("Together", accounts=BOTH, draft=True)
    both.approvals.reject(group.number, "carol", note="Not like this.")
    moved = both.groups.move(group.number, SOON)
    assert ["draft", "scheduled"] == [one.post.state for one in moved.posts]
    both.posts.cancel(group.posts[1].post.id)
    with fails("post.not_editable", "was rejected"):
        both.groups.move(group.number, SOON)


def _run_sql(sky: Skywrite, statement: str) -> None:
    with closing(sqlite3.connect(sky.context.config.database)) as connection, connection:
        connection.execute(statement)
