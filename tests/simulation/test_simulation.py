"""Days of posting in milliseconds: whatever users, networks, disks and clocks do, the promises are kept.

One number decides everything that happens. A failure prints it; `SKYWRITE_SEED=7 pytest tests/simulation` runs that
world alone and prints its story. The controls break one promise each in the program and see it found.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite.core.errors import RejectedError
from skywrite.posting.compose.freeze import Frozen
from skywrite.posting.publish import budget, publisher
from skywrite.protocol.atproto.repo import Known, Repo, Unwritten, Write
from skywrite.protocol.atproto.tid import TidClock
from skywrite.queue import claims
from skywrite.queue.base import StoreBase
from skywrite.queue.claims import Claims, Servers
from skywrite.queue.database import Transaction
from skywrite.queue.listing import Listing
from skywrite.queue.model import Claim, Decide, Outcome, Post
from skywrite.queue.posts import Posts
from skywrite.queue.store import open_store
from skywrite.queue.vault import Vault
from tests.simulation.world import HOUR_POINTS, KEY, World, doubled, verdicts
from tests.support.chance import NIGHTLY, SEED
from tests.support.processes import FAST_FOLDER

SEEDS = 20_000 if NIGHTLY else 60
RESTORED_SEEDS = 20_000 if NIGHTLY else 30
BLOCKS = 10 if NIGHTLY else 2
CONTROL_SEEDS = 250
STEPS = 40


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A place in memory, with an empty database to copy."""
    path = Path(tempfile.mkdtemp(prefix="skywrite-simulation-", dir=FAST_FOLDER))
    open_store(str(path / "template"), Vault(path, KEY)).close()
    yield path
    shutil.rmtree(path)


@pytest.fixture(autouse=True)
def small_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Write points that some of these accounts do spend."""
    monkeypatch.setattr(budget, "HOUR_POINTS_MAX", HOUR_POINTS)


def broken(seed: int, folder: Path) -> tuple[list[str], list[str]]:
    """The broken promises of one world, and its story."""
    world = World(seed, folder, folder / "template")
    try:
        world.run(STEPS)
        return list(verdicts(world)), world.trace
    except Exception as error:
        return [f"surprise: {error!r}"], world.trace
    finally:
        world.close()
        for path in folder.glob(f"{seed}.db*"):
            path.unlink()


def chosen_seeds(block: int, seeds: int = SEEDS) -> range:
    """The seeds of a block; the one that the environment names, in the first."""
    if only := os.environ.get("SKYWRITE_SEED"):
        return range(int(only), int(only) + (block == 0))
    return range(SEED + block * seeds // BLOCKS, SEED + (block + 1) * seeds // BLOCKS)


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("block", range(BLOCKS))
def test_all_promises_are_kept(folder: Path, block: int) -> None:
    """At most once, at least once, whole, not early, in order, within budget, cancels honoured, and the truth told."""
    for seed in chosen_seeds(block):
        faults, story = broken(seed, folder)
        if "SKYWRITE_SEED" in os.environ:
            print("\n".join(story))
        assert [] == faults, f"seed {seed}: run SKYWRITE_SEED={seed} pytest tests/simulation -k kept"


def doubled_after_restore(seed: int, folder: Path) -> list[str]:
    """What is twice in a world in which an older state of the database is restored."""
    world = World(seed, folder, folder / "template", restores=True)
    try:
        world.run(STEPS)
        return list(doubled(world))
    finally:
        world.close()
        for path in folder.glob(f"{seed}.db*"):
            path.unlink()


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("block", range(BLOCKS))
def test_an_older_state_that_is_restored_publishes_nothing_twice(folder: Path, block: int) -> None:
    """Whatever else goes wrong before and after it, the repositories hold each post once, and whole."""
    for seed in chosen_seeds(block, RESTORED_SEEDS):
        assert [] == doubled_after_restore(seed, folder), f"seed {seed}"


def test_the_simulation_sees_what_a_restore_doubles(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: with record keys that are made up when a post goes out, as most clients do, posts appear twice."""
    tids = TidClock()
    monkeypatch.setattr(
        "skywrite.posting.publish.decide.record_keys", lambda post, count: [tids.next() for _ in range(count)]
    )
    assert any(doubled_after_restore(seed, folder) for seed in range(CONTROL_SEEDS))


def test_a_seed_tells_the_same_story_twice(folder: Path) -> None:
    """What a seed brought about can be brought about again."""
    assert broken(5, folder) == broken(5, folder)


# Controls: one thing in the program is broken, and the simulation sees it.


def new_keys_at_each_attempt(patch: pytest.MonkeyPatch) -> None:
    """What most clients do."""

    def write(repo: Repo, frozen: Frozen) -> Unwritten | None:
        tids = TidClock(repo._agent.clock)
        new = [Write(one.collection, tids.next(), one.value, one.cid) for one in frozen.writes]
        result = repo.try_create_all(new)
        return result if isinstance(result, Unwritten) else None

    patch.setattr(publisher, "write", write)


def cancel_in_doubt(patch: pytest.MonkeyPatch) -> None:
    """A post that may be on the network is cancelled on request."""
    cancel = Posts.cancel

    def cancel_anyway(self: Posts, post_id: int, **more: Any) -> Post:
        with self._store.writing() as tx:
            discard_frozen(self._store, tx, post_id)
        return cancel(self, post_id, **more)

    patch.setattr(Posts, "cancel", cancel_anyway)


def discard_frozen(store: StoreBase, tx: Transaction, post_id: int) -> None:
    """Drop frozen records that wait."""
    query = "UPDATE post SET frozen = NULL WHERE id = :id AND state = 'scheduled'"
    tx._connection.execute(query, {"id": post_id})


def any_order(patch: pytest.MonkeyPatch) -> None:
    """The post that was added last goes first."""
    claim_otherwise(patch, timedelta())


def too_early(patch: pytest.MonkeyPatch) -> None:
    """What is due within a minute goes out."""
    earliest = claims._earliest
    patch.setattr(claims, "_earliest", lambda post: earliest(post) - timedelta(minutes=1))
    claim_otherwise(patch, timedelta(minutes=1))


def claim_otherwise(patch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    """Claim what was added last of all that is due so soon."""
    in_order = Claims.claim_some

    def claim_some(
        self: Claims,
        name: str,
        seconds: float,
        decide: Decide,
        most: int,
        choice: Callable[[], Servers],
        taken: Callable[[Claim], None],
        *more: Any,
    ) -> list[Claim]:
        soon = self._store.clock.now() + ahead
        waiting = Listing(self._store).posts(("scheduled", "publishing"), due_before=soon)
        for post in sorted(waiting, key=lambda post: -post.id):
            if claim := self.claim_post(post.id, name, seconds, decide):
                taken(claim)
                return [claim]
        return in_order(self, name, seconds, decide, most, choice, taken, *more)

    patch.setattr(Claims, "claim_some", claim_some)


def no_budget(patch: pytest.MonkeyPatch) -> None:
    """Write points are not counted."""
    patch.setattr(budget, "HOUR_POINTS_MAX", 5000)
    patch.setattr("tests.simulation.world.HOUR_POINTS", 12)


def forgetful(patch: pytest.MonkeyPatch) -> None:
    """What is in doubt is given up as failed."""
    patch.setattr(Repo, "_settle", give_up)


def give_up(repo: Repo, writes: Any, error: Exception) -> None:
    """Believe the error."""
    raise RejectedError(str(error))


def believing(patch: pytest.MonkeyPatch) -> None:
    """A write that nobody could look for is taken for one that is not there."""
    with_records = publisher.with_records

    def absent(outcome: Outcome, claim: Claim, known: Known, now: datetime, lease_seconds: float) -> Outcome:
        return with_records(outcome, claim, "absent" if known == "unknown" else known, now, lease_seconds)

    patch.setattr(publisher, "with_records", absent)


# What is broken, the word of the verdict that shows it, and the world to begin with: some take more than a hundred.
CONTROLS: dict[str, tuple[Callable[[pytest.MonkeyPatch], None], str, int]] = {
    "new keys at each attempt": (new_keys_at_each_attempt, "twice", 0),
    "cancelled in doubt": (cancel_in_doubt, "cancelled, and published", 50),
    "any order": (any_order, "order", 0),
    "too early": (too_early, "early", 0),
    "no budget": (no_budget, "points", 0),
    "doubt is failure": (forgetful, "untrue", 0),
    "doubt is absence": (believing, "untrue", 147),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_a_broken_promise_is_found(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """With one part of the program broken, some world shows it."""
    break_it, expected, first = CONTROLS[name]
    break_it(monkeypatch)
    for seed in range(first, first + CONTROL_SEEDS):
        if any(expected in verdict for verdict in broken(seed, folder)[0]):
            return
    raise AssertionError(f"{CONTROL_SEEDS} worlds did not show it")
