"""A post of which nothing can be on the network stays the user's own, however often it was tried."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from skywrite.app import Skywrite
from skywrite.errors import SkywriteError
from skywrite.queue.model import NotCancellable, NotEditable
from tests.app.conftest import World

APPLY = "com.atproto.repo.applyWrites"
LOOK = "com.atproto.repo.getRecord"
AN_HOUR = timedelta(hours=1)


def no_connection(world: World) -> None:
    world.box.faults.add(APPLY, kind="refused", times=None)


def rate_limit(world: World) -> None:
    world.box.faults.add(APPLY, kind="rate_limited", seconds=60)


def lost_login(world: World) -> None:
    world.box.set_status("alice.test", "deactivated")


def lost_answer(world: World) -> None:
    """Also the look that would settle it is in vain."""
    world.box.faults.add(APPLY, kind="drop_before")
    world.box.faults.add(LOOK, kind="refused", times=None)


UNSENT = pytest.mark.parametrize("trouble", [no_connection, lost_login])


def tried(world: World, sky: Skywrite, *troubles: Callable[[World], None]) -> None:
    """Post 1, tried once in each trouble."""
    sky.schedule("First words", at="now")
    for trouble in troubles:
        trouble(world)
        sky.run_once()
        world.box.faults.clear()
        world.clock.advance(AN_HOUR.total_seconds())
    assert len(troubles) == sky.store.get(1).attempts


@UNSENT
def test_it_can_be_cancelled(world: World, sky: Skywrite, trouble: Callable[[World], None]) -> None:
    """It is certain that nothing was written, so it will never appear."""
    tried(world, sky, trouble)
    assert "cancelled" == sky.cancel(1).post.state


@UNSENT
def test_it_can_be_edited_and_goes_out_as_edited(world: World, sky: Skywrite, trouble: Callable[[World], None]) -> None:
    """Once, with the other words."""
    tried(world, sky, trouble)
    sky.edit(1, text="Other words")
    world.box.set_status("alice.test", "active")
    if sky.store.get(1).state == "held":
        sky.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    sky.run_once()
    assert ["Other words"] == world.texts()


def test_trouble_after_trouble(world: World, sky: Skywrite) -> None:
    """Each try leaves it as free as the one before."""
    tried(world, sky, no_connection, no_connection, no_connection)
    assert "cancelled" == sky.cancel(1).post.state


@pytest.mark.parametrize(
    "troubles",
    [(lost_answer,), (rate_limit,), (lost_answer, no_connection), (no_connection, lost_answer, rate_limit)],
    ids=lambda troubles: "-".join(trouble.__name__ for trouble in troubles),
)
@pytest.mark.parametrize(("verb", "error"), [("cancel", NotCancellable), ("edit", NotEditable)])
def test_what_may_be_on_the_network_stays_as_it_is(
    world: World, sky: Skywrite, troubles: tuple[Callable[[World], None], ...], verb: str, error: type[SkywriteError]
) -> None:
    """One write that may have been carried out is enough, whatever came before and after."""
    tried(world, sky, *troubles)
    with pytest.raises(error):
        sky.cancel(1) if verb == "cancel" else sky.edit(1, text="Other words")
    assert sky.store.get(1).frozen is not None
