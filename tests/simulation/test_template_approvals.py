"""Edits that race occurrences, approvals and claims: nothing of a recurrence goes out that nobody approved."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from skywrite.core.clock import FakeClock
from skywrite.core.errors import SkywriteError
from skywrite.queue.model import Post
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.support.chance import NIGHTLY
from tests.support.world import NOON, World

SEEDS = 400 if NIGHTLY else 5
CONTROL_SEEDS = 30
STEPS = 40


class Seen(NamedTuple):
    """What a person sees of a recurrence before they say yes."""

    rule: str
    texts: tuple[str, ...]
    late: tuple[str, int | None]


class Desk:
    """People who write, change, approve and reject a recurrence while a worker goes on."""

    def __init__(self, seed: int, home: Path) -> None:
        self.random = random.Random(seed)
        clock = FakeClock(NOON)
        box = Sandbox(clock=clock)
        self.world = World(home, box, clock, SandboxTransport(box))
        self.people, self.worker = self.world.process(), self.world.process()
        self.people.accounts.login("alice.test", box.account("alice.test").app_password, pds=box.url)
        self.people.accounts.set(None, {"approval": "all", "zone": "UTC"})
        scheduled = self.people.schedule(every="daily 9:00", pool=["A0", "A1"])
        assert scheduled.recurrence_id is not None
        self.number = scheduled.recurrence_id
        self.approved: set[Seen] = set()
        self.single: set[tuple[int, str, object]] = set()
        self.rejected: set[int] = set()
        self.wrong: list[str] = []
        self.published: list[int] = []

    def run(self) -> None:
        """So many steps, each of them anything."""
        steps: list[Callable[[], None]] = [
            *(self.approve, self.work, self.work) * 3,
            self.edit,
            self.edit_post,
            self.move_occurrence,
            self.approve_post,
            self.reject,
            self.reject_post,
        ]
        for _ in range(STEPS):
            try:
                self.random.choice(steps)()
            except SkywriteError:
                continue

    def seen(self) -> Seen:
        """The recurrence as it is."""
        recurrence = self.people.recurrences.get(self.number)
        texts = [item["draft"]["text"] for item in recurrence.pool] or [recurrence.draft["text"]]
        return Seen(recurrence.rule, tuple(texts), (recurrence.late_policy, recurrence.late_seconds))

    def waiting(self) -> Post:
        """A post of it that may still be changed."""
        posts = self.people.context.store.listing.posts(("scheduled", "held"), recurrence_id=self.number, limit=9)
        if not posts:
            raise SkywriteError("nothing waits")
        return self.random.choice(posts)

    def approve(self) -> None:
        """Look, and say yes; sometimes somebody else is faster."""
        asked, seen = self.people.approvals.look_at_recurrence(self.number), self.seen()
        if self.random.random() < 0.3:
            self.random.choice((self.edit, self.work))()
        self.people.approvals.approve_recurrence(self.number, asked.digest, "Berta")
        self.approved.add(seen)

    def edit(self) -> None:
        """Another pool, another rule, or another lateness; often one that was there before."""
        name = self.random.choice("AB")
        change = self.random.choice(
            (
                {"pool": [f"{name}0", f"{name}1"]},
                {"every": f"daily {self.random.choice((9, 18))}:00"},
                {"late": "hold:1h"},
            )
        )
        self.people.recurrences.edit(self.number, **change)

    def edit_post(self) -> None:
        """Another text or time for one post."""
        number = self.waiting().id
        if self.random.random() < 0.5:
            self.people.posts.edit(number, text=self.random.choice(("A0", "B1", "own")))
        else:
            self.people.posts.move(number, f"in {self.random.randrange(1, 40)} hours")

    def move_occurrence(self) -> None:
        """One occurrence at another time, or left out."""
        times = self.people.recurrences.next_times(self.people.recurrences.get(self.number), 2)
        to = None if self.random.random() < 0.5 else times[0].replace(hour=self.random.randrange(24))
        self.people.recurrences.skip_or_move(self.number, self.random.choice(times), to)

    def approve_post(self) -> None:
        """Look at one post, and say yes to that."""
        asked = self.people.approvals.look(self.waiting().id)
        self.people.approvals.approve(asked.post.id, asked.digest, "Berta")
        self.single.add((asked.post.id, asked.texts[0], asked.post.due_at))

    def reject(self) -> None:
        """Say no to all of it."""
        self.people.approvals.reject_recurrence(self.number, "Carla")
        self.approved.clear()

    def reject_post(self) -> None:
        """Say no to one post, which somebody may let go again."""
        number = self.waiting().id
        self.people.approvals.reject(number, "Carla")
        self.rejected.add(number)
        self.single = {item for item in self.single if item[0] != number}
        self.people.posts.release(number)

    def work(self) -> None:
        """Time passes until the next post is due, and a worker does it; everything that went out is looked at."""
        due = [post.due_at for post in self.people.context.store.listing.posts(("scheduled",), limit=9) if post.due_at]
        self.world.clock.set(max(self.world.clock.now(), min(due, default=self.world.clock.now())))
        self.world.clock.advance(60)
        seen = self.seen()
        self.worker.run_once()
        for post in self.people.context.store.listing.posts(("published",), recurrence_id=self.number, limit=99):
            if post.id not in self.published:
                self.published.append(post.id)
                if not self._was_approved(post, seen):
                    self.wrong.append(f"{post.id}: {post.text} due {post.due_at}")

    def _was_approved(self, post: Post, seen: Seen) -> bool:
        text = post.prepared["records"][0]["text"]
        if (post.id, text, post.due_at) in self.single:
            return True
        own_time = post.due_at == post.occurrence and (post.late_policy, post.late_seconds) == seen.late
        return seen in self.approved and text in seen.texts and own_time and post.id not in self.rejected

    def close(self) -> None:
        """Close the database."""
        for process in self.world.opened:
            process.close()


def outcome(seed: int, folder: Path) -> tuple[list[str], int]:
    """What went out without an approval in one run, and how much went out at all."""
    desk = Desk(seed, folder / str(seed))
    try:
        desk.run()
        assert len(desk.published) == len(desk.world.texts())
        return desk.wrong, len(desk.published)
    finally:
        desk.close()


def test_nothing_of_a_recurrence_goes_out_that_was_not_approved(tmp_path: Path) -> None:
    """Whatever is edited, moved or rejected meanwhile; and with an approval, posts do go out."""
    published = 0
    for seed in range(SEEDS):
        wrong, count = outcome(seed, tmp_path)
        assert [] == wrong, f"seed {seed}"
        published += count
    assert published > 2 * SEEDS


@pytest.mark.parametrize(
    ("name", "careless"),
    [
        ("skywrite.queue.templates.comes_from", lambda post, recurrence: post.recurrence_id == recurrence.id),
        ("skywrite.queue.templates.template_digest", lambda recurrence: str(recurrence.id)),
    ],
)
def test_the_simulation_sees_what_nobody_approved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, careless: object
) -> None:
    """Control: a claim that does not compare the post, and an approval that outlives an edit of the recurrence."""
    monkeypatch.setattr(name, careless)
    if name.endswith("digest"):
        monkeypatch.setattr("skywrite.queue.approvals.template_digest", careless)
        monkeypatch.setattr("skywrite.app.approvals.template_digest", careless)
    assert any(outcome(seed, tmp_path)[0] for seed in range(CONTROL_SEEDS))
