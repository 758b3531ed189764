"""`edit`, `cancel` and `sync --stateless` are killed at each point: what they change is changed whole or not at all.

The same tests fail where a command does it wrongly: see the controls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from skywrite.app import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.queue.model import Post
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.crash.killing import POINTS_MAX, Ended, run_killed
from tests.crash.workers import fork_server
from tests.support.chance import NIGHTLY
from tests.support.pds import Pds

# Images are decoded in a process of their own, which takes most of the time here.
IMAGES = NIGHTLY
# Every point at night, else some of them.
STRIDE = {"sqlite": 1, "postgres": 1, "requests": 1} if NIGHTLY else {"sqlite": 4, "postgres": 9, "requests": 3}
NOW = datetime.now(UTC).replace(microsecond=0)
EARLY, LATER = NOW + timedelta(days=2), NOW + timedelta(days=3)


class Desk(NamedTuple):
    """A queue with its network, and the commands that are killed on it."""

    sky: Skywrite
    box: Sandbox
    clock: FakeClock
    environ: dict[str, str]
    folder: Path
    context: ForkServerContext
    stride: int

    def run(self, *words: str | int | Path, point: int, wrongly: str = "") -> Ended:
        """A command, killed at a point."""
        return run_killed(self.context, words, self.environ, self.folder / "output", point=point, wrongly=wrongly)

    def add(self, text: str) -> int:
        """A post that goes out early, however late it is."""
        return self.sky.schedule(text, at=EARLY, late="publish").id

    def publish_all(self) -> list[str]:
        """Everything that is left goes out; all texts that are public then, sorted."""
        self.clock.advance((LATER - self.clock.now()).total_seconds() + 60)
        self.sky.run_once()
        return sorted(post.text for post in self.box.posts("alice.test"))

    def until_it_survives(self, once: Callable[[int], Ended], is_enough: Callable[[], bool] = lambda: False) -> None:
        """Kill at one point after the other, until the command comes to its end, or a control was noticed."""
        for point in range(1, POINTS_MAX, self.stride):
            ended = once(point)
            if is_enough():
                return
            if not ended.killed:
                assert (0, True) == (ended.code, point > 10), ended.printed
                return
        raise AssertionError("It never came to its end.")


@contextmanager
def desk(folder: Path, database: str, stride: int) -> Iterator[Desk]:
    """A queue of alice in a database."""
    clock = FakeClock(NOW)
    box = Sandbox(accounts=["alice.test"], clock=clock)
    environ = {
        "SKYWRITE_HOME": str(folder),
        "SKYWRITE_DATABASE": database,
        "SKYWRITE_PLC_URL": box.plc_url,
        "SKYWRITE_VIDEO_SERVICE": "",
    }
    with Skywrite(config=load_config(environ), transport=SandboxTransport(box), clock=clock) as sky:
        sky.accounts.login("alice.test", box.account("alice.test").app_password, pds=box.url)
        sky.accounts.set("alice.test", {"catch_up_gap_seconds": 0})
        yield Desk(sky, box, clock, environ, folder, fork_server(), stride)


@pytest.fixture(params=["sqlite", "postgres"])
def queue(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    """The queue in either database."""
    database = str(tmp_path / "q.db") if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    with desk(tmp_path, database, STRIDE[request.param]) as one:
        yield one


@pytest.fixture
def simple(tmp_path: Path) -> Iterator[Desk]:
    """The queue in SQLite, for controls."""
    with desk(tmp_path, str(tmp_path / "q.db"), STRIDE["sqlite"]) as one:
        yield one


def image(folder: Path) -> Path:
    """A small image."""
    path = folder / "red.png"
    Image.new("RGB", (16, 12), "red").save(path)
    return path


def look_of(post: Post) -> tuple[Any, ...]:
    """All that the edit changes."""
    (record,) = post.prepared["records"]
    alts = tuple(one["alt"] for one in post.draft.get("images") or ())
    return post.text, record["text"], record.get("langs"), alts, "embed" in record, post.due_at, post.late_policy


def edit_at_each_point(desk: Desk, wrongly: str = "") -> tuple[list[str], list[str]]:
    """What each post looks like after its `edit` was killed (before, after, torn), and the text that it should have."""
    looks: list[str] = []
    texts: list[str] = []
    with_image = ("--image", image(desk.folder), "--alt", "Red") if IMAGES else ()
    alts = ("Red",) if IMAGES else ()

    def once(point: int) -> Ended:
        old, new = f"Old {point}", f"New {point}"
        post_id = desk.add(old)
        words = ("edit", post_id, new, "--at", LATER.isoformat(), "--late", "hold", "--lang", "cy", *with_image)
        ended = desk.run(*words, point=point, wrongly=wrongly)
        look = look_of(desk.sky.context.store.posts.get(post_id))
        before = (old, old, None, (), False, EARLY, "publish")
        after = (new, new, ["cy"], alts, IMAGES, LATER, "hold")
        looks.append("before" if look == before else "after" if look == after else "torn")
        texts.append(old if looks[-1] == "before" else new)
        return ended

    desk.until_it_survives(once, lambda: "torn" in looks)
    return looks, texts


def test_a_killed_edit_is_whole_or_did_not_happen(queue: Desk) -> None:
    """Text, image and time change together, at whatever point it is killed; each post goes out once, as it is then."""
    looks, texts = edit_at_each_point(queue)
    assert ["after", "before"] == sorted(set(looks)), looks
    assert "after" == looks[-1]
    assert sorted(texts) == queue.publish_all()


def test_an_edit_in_two_steps_is_noticed(simple: Desk) -> None:
    """The control."""
    looks, _ = edit_at_each_point(simple, "edit_in_two_steps")
    assert "torn" in looks


def cancel_at_each_point(desk: Desk, wrongly: str = "") -> tuple[list[str], list[str]]:
    """What was promised and is not so, and the texts that are left after `cancel` of two posts was killed."""
    broken: list[str] = []
    left: list[str] = []
    states: set[str] = set()

    def once(point: int) -> Ended:
        texts = [f"One {point}", f"Two {point}"]
        ids = [desk.add(text) for text in texts]
        ended = desk.run("cancel", *ids, point=point, wrongly=wrongly)
        for post_id, text in zip(ids, texts, strict=True):
            state = desk.sky.context.store.posts.get(post_id).state
            states.add(state)
            if state != "cancelled":
                left.append(text)
                if f"Post {post_id} is cancelled" in ended.printed:
                    broken.append(text)
        return ended

    desk.until_it_survives(once, lambda: bool(broken))
    assert broken or {"cancelled", "scheduled"} == states
    return broken, left


def test_a_killed_cancel_keeps_what_it_said(queue: Desk) -> None:
    """Each post is cancelled or goes out once; what was reported as cancelled is."""
    broken, left = cancel_at_each_point(queue)
    assert [] == broken
    assert sorted(left) == queue.publish_all()


def test_a_cancel_that_promises_too_early_is_noticed(simple: Desk) -> None:
    """The control."""
    broken, _ = cancel_at_each_point(simple, "promise_first")
    assert [] != broken


def test_a_recurrence_goes_on_after_a_killed_cancel(simple: Desk) -> None:
    """The next post of a recurrence is there once, even if the command that cancelled this one was killed before it."""
    store = simple.sky.context.store
    recurrence = simple.sky.schedule("Daily", every="daily 9:00", zone="UTC").recurrence_id
    waiting: list[list[datetime | None]] = []

    def once(point: int) -> Ended:
        (before,) = store.listing.posts(recurrence_id=recurrence)
        ended = simple.run("cancel", before.id, point=point)
        simple.sky.run_once()
        waiting.append([post.due_at for post in store.listing.posts(recurrence_id=recurrence)])
        cancelled = store.posts.get(before.id).state == "cancelled"
        following = before.due_at + timedelta(days=1) if cancelled and before.due_at else before.due_at
        assert [following] == waiting[-1]
        return ended

    simple.until_it_survives(once)
    assert waiting[0] != waiting[-1]


class Ledger(NamedTuple):
    """A server that `sync --stateless` publishes to, and how its posts are read."""

    environ: dict[str, str]
    texts: Callable[[], list[str]]


@pytest.fixture
def sandboxed(tmp_path: Path) -> Iterator[Ledger]:
    """A sandbox that listens."""
    with Sandbox(accounts=["alice.test"]) as box:
        password = box.account("alice.test").app_password or ""
        environ = _environment("alice.test", password, box.url, box.plc_url, tmp_path)
        yield Ledger(environ, lambda: [post.text for post in box.posts("alice.test")])


def _environment(handle: str, password: str, url: str, plc_url: str, home: Path) -> dict[str, str]:
    return {
        "BLUESKY_HANDLE": handle,
        "BLUESKY_APP_PASSWORD": password,
        "BLUESKY_PDS": url,
        "SKYWRITE_PLC_URL": plc_url,
        "SKYWRITE_HOME": str(home / "home"),
        "SKYWRITE_VIDEO_SERVICE": "",
    }


def sync_at_each_point(ledger: Ledger, folder: Path, wrongly: str = "") -> tuple[list[str], list[str]]:
    """Kill `sync --stateless` at each point, then run it to its end; the texts wanted, and those that are public."""
    context, due = fork_server(), datetime.now(UTC) - timedelta(minutes=5)
    at = due.isoformat(timespec="seconds")
    wanted: list[str] = []
    for point in count(1, STRIDE["requests"]):
        posts = folder / f"posts-{point}"
        posts.mkdir()
        image(posts)
        head = f"---\nat: {at}\n"
        more = "images: [{path: red.png, alt: Red}]\n" if IMAGES else ""
        (posts / f"a{point}.md").write_text(f"{head}{more}---\nAlone {point}\n")
        (posts / f"b{point}.md").write_text(f"{head}---\nFirst {point}\n\n---\n\nSecond {point}\n")
        wanted += [f"Alone {point}", f"First {point}", f"Second {point}"]
        words = ("sync", posts, "--stateless", "--mark")
        ended = run_killed(context, words, ledger.environ, folder / "output", point=point, wrongly=wrongly)
        thread = [text for text in ledger.texts() if text in (f"First {point}", f"Second {point}")]
        assert wrongly or len(thread) in (0, 2)
        again = run_killed(context, words, ledger.environ, folder / "output", wrongly=wrongly)
        assert 0 == again.code, again.printed
        marks = [file.read_text().count("published: at://") for file in sorted(posts.glob("*.md"))]
        assert [1, 1] == marks
        assert [] == [str(file) for file in posts.glob(".*") if not ended.killed]
        if not ended.killed:
            assert point > 10
            break
    return sorted(wanted), sorted(ledger.texts())


def test_a_killed_stateless_sync_publishes_the_rest_next_time(sandboxed: Ledger, tmp_path: Path) -> None:
    """At whatever request or file it is killed: after the next run each post is public once, and its file says so."""
    wanted, public = sync_at_each_point(sandboxed, tmp_path)
    assert wanted == public


def test_keys_that_the_server_chooses_are_noticed(sandboxed: Ledger, tmp_path: Path) -> None:
    """The control: the same kills make duplicates."""
    wanted, public = sync_at_each_point(sandboxed, tmp_path, "let_the_server_choose_keys")
    assert len(public) > len(wanted)


@pytest.mark.nightly
def test_a_killed_stateless_sync_on_the_reference_server(pds: Pds, tmp_path: Path) -> None:
    """The same against the reference PDS."""
    account = pds.create_account()
    environ = _environment(account.handle, account.app_password, pds.url, pds.plc_url, tmp_path)
    ledger = Ledger(environ, lambda: [record["value"]["text"] for record in pds.records(account.did)])
    wanted, public = sync_at_each_point(ledger, tmp_path)
    assert wanted == public
