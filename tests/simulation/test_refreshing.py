"""The refresh of OAuth sessions under kills, freezes, lost answers and wrong clocks.

A session is lost only where the protocol leaves no other way: an answer that never came, or that died with its process
before it was stored. Then it is said. One number decides everything; `SKYWRITE_SEED=7 pytest tests/simulation -k
refreshing` runs that world alone and prints its story. The controls break the machine and see it found.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from skywrite.protocol.atproto import oauth_refresh
from skywrite.protocol.atproto.oauth_session import OAuthSession
from tests.simulation.refreshing import World
from tests.support.chance import NIGHTLY, SEED

SEEDS = 5_000 if NIGHTLY else 160
BLOCKS = 8 if NIGHTLY else 2
SLOW_SEEDS = 40 if NIGHTLY else 12
CONTROL_SEEDS = 40
# Three hosts that are busy, and a network that takes its time.
SLOW: dict[str, Any] = {"hosts": (3,), "late_chance": 0.9, "late_seconds": 16.0, "hours": 3.2, "pauses": (6, 9)}


def verdict(world: World) -> list[str]:
    """The broken promises of a world that has ended."""
    lost = not world.server.alive or world.server.refresh_token != world.stored.refresh_token
    faults = []
    if lost and world.server.used_last not in world.excuses:
        faults.append(f"the session was lost with {world.server.used_last}, whose answer was not")
    if world.stored.phase == "over" and not lost:
        faults.append("a session that lives was given up")
    if world.stored.phase == "over" and not world.said_over:
        faults.append("a session is over, and nobody was let know")
    return faults


def lived(seed: int, **more: Any) -> World:
    """A world from its beginning to its end."""
    world = World(seed, **more)
    world.run()
    return world


def broken(seeds: range, **more: Any) -> list[str]:
    """The broken promises of many worlds."""
    return [f"seed {seed}: {what}" for seed in seeds for what in verdict(lived(seed, **more))]


@pytest.mark.parametrize("block", range(BLOCKS))
def test_no_session_is_lost_that_could_be_kept(block: int) -> None:
    """In each of these worlds a session is lost only with an answer, and then it is said."""
    if seed := os.environ.get("SKYWRITE_SEED"):
        world = lived(int(seed))
        print(*world.story, sep="\n")
        assert [] == verdict(world)
        return
    size = SEEDS // BLOCKS
    assert [] == broken(range(SEED + block * size, SEED + (block + 1) * size))


def test_a_slow_network_loses_nothing() -> None:
    """The worlds of the controls, without what they break."""
    assert [] == broken(range(SLOW_SEEDS), **SLOW)


def test_the_worlds_are_hard() -> None:
    """Answers are lost, processes are killed and frozen, and some sessions do end: the promise is not empty."""
    worlds = [lived(seed) for seed in range(60)]
    stories = "\n".join(line for world in worlds for line in world.story)
    expected = ("is killed", "is frozen", "no answer", "was overtaken", "session.refresh_in_doubt", "is too late")
    assert [] == [word for word in expected if word not in stories]
    assert 3 < sum(world.stored.phase == "over" for world in worlds) < 40


def test_control_without_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever does not wait out a doubt ends sessions whose refresh was only under way."""
    monkeypatch.setattr(oauth_refresh, "DOUBT_SECONDS", -1e9)
    monkeypatch.setattr(oauth_refresh, "HOPE_SECONDS", -1e9)
    assert any(verdict(lived(seed, **SLOW)) for seed in range(CONTROL_SEEDS))


def test_control_without_an_intention(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends before the intention is committed ends sessions of processes that run at the same time."""
    monkeypatch.setattr(oauth_refresh, "LEASE_SECONDS", 0)
    monkeypatch.setattr(OAuthSession, "refreshing", lambda session, host, now: session)
    assert any(verdict(lived(seed, **SLOW)) for seed in range(CONTROL_SEEDS))
