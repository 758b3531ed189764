"""Answers in a world of trouble: whatever dies, hangs or is restored, each item is answered once at most."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from skywrite.app.bots import Item, Later, Repost
from skywrite.core.errors import StorageError
from skywrite.features.answers.task import InboxTask
from skywrite.posting.publish.rounds import take_all
from skywrite.queue import identities
from skywrite.queue.store import open_store
from skywrite.queue.vault import Vault
from tests.simulation.process import Process
from tests.simulation.world import HANDLES, KEY, World
from tests.support.chance import NIGHTLY, SEED
from tests.support.processes import FAST_FOLDER
from tests.support.strangers import Stranger

# At night 63,000 operations.
SEEDS = 1050 if NIGHTLY else 12
CONTROL_SEEDS = 40
STEPS = 60
ANSWER, REPOST = "An answer", "app.bsky.feed.repost"


class AnsweringWorld(World):
    """A world whose program answers what strangers write below its posts, in other words each time."""

    def __init__(self, seed: int, folder: Path, template: Path) -> None:
        self.words = count()
        super().__init__(seed, folder, template, restores=True)
        for handle in HANDLES:
            self.user.sky.accounts.set(handle, {"answers": "on"})
        calm, self.chances.network = self.chances.network, 0.0
        self.strangers = [Stranger(self, f"{name}.test") for name in ("dora", "edda", "frida")]
        self.chances.network = calm

    def _process(self) -> Process:
        process = super()._process()

        @process.sky.on_reply(unasked=True)
        def answer(item: Item) -> str | Repost:
            chance = self.random.random()
            if chance < 0.1:
                raise Later("10m")
            if chance < 0.2:
                raise RuntimeError("It is a bad day.")
            return Repost() if chance < 0.3 else f"{ANSWER} {next(self.words)}"

        return process

    def _step(self, process: Process) -> bool:
        if self.random.random() < 0.3:
            sky = process.sky
            try:
                take_all(InboxTask(sky.context, sky.inbox, sky._functions.listeners.all, self._log))
            except StorageError as error:
                self._log("storage", message=error.message)
        return super()._step(process)

    def schedule(self) -> None:
        """A user schedules a post, or a stranger writes below one."""
        there = [post for handle in HANDLES for post in self.box.posts(handle) if "reply" not in post.record]
        if not there or self.random.random() < 0.3:
            super().schedule()
            return
        chances = dict(vars(self.chances))
        vars(self.chances).update(dict.fromkeys(chances, 0.0))
        who = self.random.choice(self.strangers)
        who.say(f"A question {next(self.words)}", to=self.random.choice(there).uri)
        vars(self.chances).update(chances)


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A place in memory, with an empty database to copy."""
    path = Path(tempfile.mkdtemp(prefix="skywrite-answering-", dir=FAST_FOLDER))
    open_store(str(path / "template"), Vault(path, KEY)).close()
    yield path
    shutil.rmtree(path)


def answers(seed: int, folder: Path) -> Counter[str]:
    """How often each item was answered in one world."""
    world = AnsweringWorld(seed, folder, folder / "template")
    try:
        world.run(STEPS)
        records = [record.value for handle in HANDLES for record in world.box.records(handle)]
        reposts = [one.value["subject"]["uri"] for handle in HANDLES for one in world.box.records(handle, REPOST)]
        replies = [one["reply"]["parent"]["uri"] for one in records if one["text"].startswith(ANSWER)]
        # A restored program may do another kind of thing than before; each kind is there once.
        return Counter([*replies, *(f"repost of {uri}" for uri in reposts)])
    finally:
        world.close()
        for path in folder.glob(f"{seed}.db*"):
            path.unlink()


@pytest.mark.timeout(7200)
def test_each_item_is_answered_once(folder: Path) -> None:
    """However often the program is asked, killed and restored; many items are answered at all."""
    answered = 0
    for seed in range(SEED, SEED + SEEDS):
        counts = answers(seed, folder)
        assert {} == {uri: times for uri, times in counts.items() if times > 1}, f"seed {seed}"
        answered += len(counts)
    assert answered > SEEDS


def test_the_simulation_sees_an_item_that_is_answered_twice(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Control: an answer that is known by when it is given."""
    numbers = count()
    monkeypatch.setattr(identities, "of_answer", lambda *_: (f"answer {next(numbers)}", identities.ANY_TIME))
    assert any(max(answers(seed, folder).values(), default=0) > 1 for seed in range(CONTROL_SEEDS))
