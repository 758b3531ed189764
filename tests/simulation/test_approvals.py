"""Edits that race approvals and claims: no byte goes out that was not approved, whatever dies or hangs meanwhile."""

from __future__ import annotations

import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from skywrite.queue import deciding
from skywrite.queue.store import open_store
from skywrite.queue.vault import Vault
from tests.simulation.world import HANDLES, KEY, Plan, World, look
from tests.support.chance import NIGHTLY, SEED
from tests.support.processes import FAST_FOLDER

SEEDS = 5000 if NIGHTLY else 25
CONTROL_SEEDS = 60
STEPS = 40


class AskingWorld(World):
    """A world whose accounts ask for approvals; `approved` is what its people looked at and said yes to."""

    def __init__(self, seed: int, folder: Path, template: Path) -> None:
        self.approved: dict[int, set[tuple[str, ...]]] = defaultdict(set)
        super().__init__(seed, folder, template)
        for handle in HANDLES:
            self.user.sky.accounts.set(handle, {"approval": "all"})

    def schedule(self) -> None:
        """A user schedules a post; often somebody approves it at once."""
        super().schedule()
        plan = list(self.plans.values())[-1]
        if plan.accepted_at and self.random.random() < 0.6:
            with self._user("approve", plan.name):
                self._approve(plan)

    def change(self) -> None:
        """Somebody approves, rejects or changes something."""
        known = [plan for plan in self.plans.values() if plan.accepted_at and plan.id]
        if not known or self.random.random() < 0.5:
            super().change()
            return
        plan = self.random.choice(known)
        verb = self.random.choice(("approve", "approve", "approve", "reject"))
        with self._user(verb, plan.name):
            (self._approve if verb == "approve" else self._reject)(plan)

    def _approve(self, plan: Plan) -> None:
        asked = self.user.sky.approvals.look(plan.id)
        if self.random.random() < 0.3:
            # Somebody else changes it, or a worker goes on, between the look and the yes.
            self._edit(plan) if self.random.random() < 0.5 else self.work()
        with self._unless_refused(lambda: self.approved[plan.id].add(tuple(asked.texts))):
            self.user.sky.approvals.approve(plan.id, asked.digest, "Berta")
            self.approved[plan.id].add(tuple(asked.texts))

    def _reject(self, plan: Plan) -> None:
        self.user.sky.approvals.reject(plan.id, "Carla")
        self.approved[plan.id].clear()


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A place in memory, with an empty database to copy."""
    path = Path(tempfile.mkdtemp(prefix="skywrite-approvals-", dir=FAST_FOLDER))
    open_store(str(path / "template"), Vault(path, KEY)).close()
    yield path
    shutil.rmtree(path)


def unapproved(seed: int, folder: Path) -> tuple[list[str], int]:
    """What went out without an approval in one world, and how much went out at all."""
    world = AskingWorld(seed, folder, folder / "template")
    try:
        world.run(STEPS)
        evidence = look(world)
        numbers = {post.uri: post.id for posts in evidence.rows.values() for post in posts if post.uri}
        texts = [
            (numbers.get(root.uri, 0), (root.value["text"], *(reply.value["text"] for reply in evidence.replies[name])))
            for name, roots in evidence.roots.items()
            for root in roots
        ]
        wrong = [f"{number}: {text}" for number, text in texts if text not in world.approved[number]]
        return wrong, len(texts)
    finally:
        world.close()
        for path in folder.glob(f"{seed}.db*"):
            path.unlink()


def test_no_byte_goes_out_that_was_not_approved(folder: Path) -> None:
    """Each thread on the network is one that somebody looked at as it is, and did not reject after it; some go out."""
    published = 0
    for seed in range(SEED, SEED + SEEDS):
        wrong, count = unapproved(seed, folder)
        assert [] == wrong, f"seed {seed}"
        published += count
    assert published > SEEDS


def test_the_simulation_sees_what_nobody_approved(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: a claim that demands nothing."""
    monkeypatch.setattr(deciding, "demanded_digest", lambda *_: "")
    assert any(unapproved(seed, folder)[0] for seed in range(CONTROL_SEEDS))


def test_the_simulation_sees_an_approval_that_outlives_an_edit(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: an approval of the post, not of what it says."""
    monkeypatch.setattr("skywrite.queue.approvals.digest_of", lambda post: str(post.id))
    monkeypatch.setattr("skywrite.queue.approval_rules.digest_of", lambda post: str(post.id))
    monkeypatch.setattr("skywrite.app.approvals.digest_of", lambda post: str(post.id))
    assert any(unapproved(seed, folder)[0] for seed in range(CONTROL_SEEDS))
