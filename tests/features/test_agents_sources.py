"""Whatever an agent sets up to post by itself is the agent's: where agents need an approval, so does what it makes."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from skywrite.app import Skywrite
from skywrite.core.errors import NotAllowed
from skywrite.queue.authors import written_by
from skywrite.queue.model import STATES
from tests.support.strangers import Stranger
from tests.support.world import World

SECRET = "a secret that is long"
MESSAGE = {"x-hook-secret": SECRET, "idempotency-key": "release-2.0"}


@pytest.fixture
def sky(sky: Skywrite) -> Skywrite:
    """An account whose bot was let go on, and that wants approvals of what agents write."""
    sky.accounts.set(None, {"approval": "agents", "answers": "on"})
    return sky


def told(sky: Skywrite) -> None:
    """A message comes to the hook, and a worker does what is due."""
    sky.hooks.take(sky.hooks.believe("releases", MESSAGE, b"{}"), {})
    sky.run_once()


@pytest.mark.parametrize("what", ["add", "edit", "secret", "nothing"])
def test_what_an_agents_hook_posts_is_the_agents(sky: Skywrite, world: World, what: str) -> None:
    """A hook that an agent added, whose template it wrote, or whose secret it made; a person's own goes on."""
    agent = written_by("key 3", agent=True)
    with agent if what == "add" else nullcontext():
        sky.hooks.add("releases", template="It is out", kind="secret", publish=True, secret=SECRET)
    if what == "edit":
        with agent:
            sky.hooks.edit("releases", template="Buy it")
    if what == "secret":
        with agent:
            sky.hooks.replace_secret("releases", SECRET)
    told(sky)
    assert ["It is out"] * (what == "nothing") == world.texts()
    assert [what != "nothing"] == [
        sky.approvals.look(post.id).wanted for post in sky.context.store.listing.posts(STATES)
    ]


def test_a_person_who_changes_an_agents_hook_approves_nothing(sky: Skywrite, world: World) -> None:
    """It stays the agent's, who knows its secret."""
    with written_by("key 3", agent=True):
        sky.hooks.add("releases", template="It is out", kind="secret", publish=True, secret=SECRET)
    with written_by("person 1", agent=False):
        sky.hooks.edit("releases", template="It is out now")
    told(sky)
    assert [] == world.texts()


@pytest.mark.parametrize("agent", [True, False])
def test_what_an_agents_way_answers_is_the_agents(sky: Skywrite, world: World, agent: bool) -> None:
    """A grammar that an agent added answers once a person has approved it; a person's own answers at once."""
    sky.post("Ask me")
    with written_by("key 3", agent=True) if agent else nullcontext():
        sky.ways.add_text({"origin": ["Buy it"]}, unasked=True)
    sky.run_once()
    world.clock.advance(60)
    Stranger(world).say("When?", to=world.box.posts("alice.test")[0].uri)
    for _ in range(3):
        world.clock.advance(300)
        sky.run_once()
    assert ["Ask me", "Buy it"][: 1 if agent else 2] == world.texts()
    assert (1 if agent else 0) == len(sky.approvals.list())


@pytest.mark.parametrize("what", ["add", "edit", "nothing"])
def test_what_an_agents_recurrence_posts_is_the_agents(sky: Skywrite, world: World, what: str) -> None:
    """Each of its posts, also those that a worker makes; a recurrence of a person that no agent changed goes on."""
    agent = written_by("key 3", agent=True)
    with agent if what == "add" else nullcontext():
        sky.schedule("Drink water", every="hourly")
    if what == "edit":
        with agent:
            sky.recurrences.edit(1, text="Buy it")
    for _ in range(3):
        world.clock.advance(3600)
        sky.run_once()
    assert ["Drink water"] * (3 if what == "nothing" else 0) == world.texts()
    assert ({what != "nothing"}, True) == (
        {sky.approvals.look(post.id).wanted for post in sky.context.store.listing.posts(("scheduled", "held"))},
        what == "nothing" or len(sky.approvals.list()) >= 3,
    )


def test_whoever_made_a_recurrence_approves_none_of_its_posts(sky: Skywrite, world: World) -> None:
    """Nor those that a worker made of it."""
    sky.accounts.set(None, {"approval": "all"})
    with written_by("person 1", agent=False):
        sky.schedule("Drink water", every="hourly")
    world.clock.advance(3600)
    sky.run_once()
    number = max(post.id for post in sky.context.store.listing.posts(("scheduled",)))
    digest = sky.approvals.look(number).digest
    with pytest.raises(NotAllowed):
        sky.approvals.approve(number, digest, "Ann", who="person 1")
