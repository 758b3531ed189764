"""One text for several accounts: stored together or not at all, moved and cancelled together, each out once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from skywrite.app import Skywrite
from skywrite.features.groups.service import START
from tests.support.errors import fails
from tests.support.world import NOON, World

BOTH = ["alice.test", "bob.test"]
SOON = NOON + timedelta(hours=1)


@pytest.fixture
def both(world: World, sky: Skywrite) -> Skywrite:
    """A queue with two accounts."""
    sky.accounts.login("bob.test", world.box.account("bob.test").app_password, pds=world.box.url)
    return sky


def test_each_account_has_its_post_and_each_goes_out_once(world: World, both: Skywrite) -> None:
    """However often the worker runs; the one that differs says its own."""
    made = both.groups.add("We are open", accounts=BOTH, variants={"bob.test": {"text": "Me, too"}}, at=SOON)
    assert [("alice.test", SOON), ("bob.test", SOON)] == [(one.account.handle, one.post.due_at) for one in made.posts]
    world.clock.advance(3700)
    for _ in range(3):
        both.run_once()
    states = {
        (one.account.handle, one.post.text, one.post.state) for one in both.groups.get(made.posts[0].post.id).posts
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
    made = both.groups.add("Together", accounts=BOTH, at=SOON)
    first, second = (one.post.id for one in made.posts)
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
