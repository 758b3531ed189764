"""A post of which nothing can be on the network stays the user's own, however often it was tried."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import SkywriteError
from skywrite.posting.publish.publisher import LEASE_SECONDS
from tests.support.errors import fails
from tests.support.world import World

APPLY = "com.atproto.repo.applyWrites"
LOOK = "com.atproto.repo.getRecord"
AN_HOUR = timedelta(hours=1)


def no_connection(world: World) -> None:
    world.box.faults.add(APPLY, kind="refused", times=None)


def rate_limit(world: World) -> None:
    world.box.faults.add(APPLY, kind="rate_limited", seconds=60)


def lost_login(world: World) -> None:
    world.box.set_status("alice.test", "deactivated")


def server_error(world: World) -> None:
    """Each write is answered with 500, and nothing is there."""
    world.box.faults.add(APPLY, kind="error_500", times=None)


def server_error_after_the_write(world: World) -> None:
    """The write is carried out, answered with 500, and the look that would show it is in vain."""
    world.box.faults.add(APPLY, kind="error_500", commit=True)
    world.box.faults.add(LOOK, kind="refused", times=None)


def lost_answer(world: World) -> None:
    """Also the look that would settle it is in vain."""
    world.box.faults.add(APPLY, kind="drop_before")
    world.box.faults.add(LOOK, kind="refused", times=None)


UNSENT = pytest.mark.parametrize("trouble", [no_connection, lost_login, server_error])


def tried(world: World, sky: Skywrite, *troubles: Callable[[World], None]) -> None:
    """Post 1, tried once in each trouble."""
    sky.schedule("First words", at="now")
    for trouble in troubles:
        trouble(world)
        sky.run_once()
        world.box.faults.clear()
        world.clock.advance(AN_HOUR.total_seconds())
    assert len(troubles) == sky.context.store.posts.get(1).attempts


@UNSENT
def test_it_can_be_cancelled(world: World, sky: Skywrite, trouble: Callable[[World], None]) -> None:
    """It is certain that nothing was written, so it will never appear."""
    tried(world, sky, trouble)
    assert "cancelled" == sky.posts.cancel(1).post.state


@UNSENT
def test_it_can_be_edited_and_goes_out_as_edited(world: World, sky: Skywrite, trouble: Callable[[World], None]) -> None:
    """Once, with the other words."""
    tried(world, sky, trouble)
    sky.posts.edit(1, text="Other words")
    world.box.set_status("alice.test", "active")
    if sky.context.store.posts.get(1).state == "held":
        sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    sky.run_once()
    assert ["Other words"] == world.texts()


def test_trouble_after_trouble(world: World, sky: Skywrite) -> None:
    """Each try leaves it as free as the one before."""
    tried(world, sky, no_connection, no_connection, no_connection)
    assert "cancelled" == sky.posts.cancel(1).post.state


@pytest.mark.parametrize(
    "troubles",
    [
        (lost_answer,),
        (rate_limit,),
        (server_error_after_the_write,),
        (server_error, lost_answer),
        (lost_answer, no_connection),
        (no_connection, lost_answer, rate_limit),
    ],
    ids=lambda troubles: "-".join(trouble.__name__ for trouble in troubles),
)
@pytest.mark.parametrize(("verb", "error"), [("cancel", "post.not_cancellable"), ("edit", "post.not_editable")])
def test_what_may_be_on_the_network_stays_as_it_is(
    world: World, sky: Skywrite, troubles: tuple[Callable[[World], None], ...], verb: str, error: type[SkywriteError]
) -> None:
    """One write that may have been carried out is enough, whatever came before and after."""
    tried(world, sky, *troubles)
    with fails(error):
        sky.posts.cancel(1) if verb == "cancel" else sky.posts.edit(1, text="Other words")
    assert sky.context.store.posts.get(1).frozen is not None


def test_what_was_looked_for_is_free_when_the_lease_has_ended(world: World, sky: Skywrite) -> None:
    """A write that was answered with 500 may still be under way for as long as a request can take."""
    sky.schedule("First words", at="now")
    server_error(world)
    sky.run_once()
    with fails("post.not_cancellable", match="may be on the network"):
        sky.posts.cancel(1)
    world.clock.advance(LEASE_SECONDS)
    assert "cancelled" == sky.posts.cancel(1).post.state


def test_it_can_be_held_and_goes_out_when_it_is_released(world: World, sky: Skywrite) -> None:
    """Once, with the time of its release."""
    tried(world, sky, server_error)
    assert "held" == sky.posts.hold(1).post.state
    sky.posts.release(1)
    sky.run_once()
    assert (["First words"], world.clock.now()) == (
        world.texts(),
        datetime.fromisoformat(world.records()[0]["createdAt"]),
    )


def test_a_post_that_always_fails_is_overtaken(world: World, sky: Skywrite) -> None:
    """After some tries the others of its account go out; then it is tried again at its own times."""
    sky.schedule("poison", at="now", late="publish")
    sky.schedule("second", at="now", late="publish")
    world.box.faults.add(APPLY, kind="error_500", times=6)
    states = []
    for _ in range(7):
        sky.run_once()
        states.append(sky.context.store.posts.get(2).state)
        world.clock.set(max(world.clock.now(), sky.context.store.claims.next_ready_at() or world.clock.now()))
    assert (["scheduled"] * 4, "published") == (states[:4], states[5])
    assert ["second", "poison"] == world.texts()


def test_a_post_in_doubt_is_not_overtaken(world: World, sky: Skywrite) -> None:
    """However often it is tried: what may be on the network keeps its place."""
    sky.schedule("first", at="now", late="publish")
    sky.schedule("second", at="now", late="publish")
    world.box.faults.add(APPLY, kind="error_500", times=8)
    world.box.faults.add(LOOK, kind="refused", times=None)
    for _ in range(8):
        sky.run_once()
        world.clock.set(sky.context.store.claims.next_ready_at() or world.clock.now())
    assert [] == world.texts()
    world.box.faults.clear()
    sky.run_once()
    assert ["first", "second"] == world.texts()


def test_a_post_that_fails_until_it_is_late_follows_its_policy(world: World, sky: Skywrite) -> None:
    """It is held for its user, as one that was never sent."""
    sky.schedule("First words", at="now", late="hold:30m")
    server_error(world)
    sky.run_once()
    world.clock.advance(AN_HOUR.total_seconds())
    sky.run_once()
    held = sky.context.store.posts.get(1)
    assert ("held", "MissedTime", None) == (held.state, held.problem and held.problem.name, held.frozen)
