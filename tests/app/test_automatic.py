"""What Skywrite makes by itself: once, although a backup from before is restored, and although its words are new."""

from __future__ import annotations

import ast
import inspect
import re
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from skywrite.app import Skywrite
from skywrite.app.bots import Item, Repost
from skywrite.features.feeds.reading.pace import MOVES_SEEN
from skywrite.features.reposts.service import REPOST
from skywrite.protocol.bsky.limits import POST
from skywrite.queue import identities
from skywrite.queue.authors import written_by
from skywrite.queue.marks import Marks, ToMark
from skywrite.queue.model import Slot
from tests.support.feed_server import Reply, feed_server, item, rss
from tests.support.processes import ROOT
from tests.support.strangers import Stranger
from tests.support.world import NOON, World

SOURCE = ROOT / "src" / "skywrite"
HOUR = 3600
WORDS = count()


def other_words() -> str:
    """A text that is never the same again, as one that is looked up, or made by a machine."""
    return f"Words {next(WORDS)}"


class Scene(NamedTuple):
    """Something that Skywrite makes by itself.

    `before`: what is set up before the backup. `program`: what each process does at its start, `turn`: before each of
    its turns. `meanwhile`: what happens in the world after the backup.
    """

    before: Callable[[Skywrite, World], object] = lambda sky, world: None
    program: Callable[[Skywrite], object] = lambda sky: None
    turn: Callable[[Skywrite], object] = lambda sky: None
    meanwhile: Callable[[World], object] = lambda world: None


def answering(sky: Skywrite) -> None:
    """A program with a function for replies."""

    @sky.on_reply(unasked=True)
    def answer(item: Any) -> str:
        return other_words()


def reposting(sky: Skywrite) -> None:
    """A program whose answer is a repost."""

    @sky.on_reply(unasked=True)
    def answer(item: Item) -> Repost:
        return Repost()


def ask_me(sky: Skywrite, world: World) -> None:
    """A bot that nobody has to approve, with a post."""
    sky.accounts.set(None, {"answers": "on"})
    sky.post("Ask me")


def asked(world: World) -> None:
    """Somebody writes below the post that was there before the backup."""
    Stranger(world).say("When do you open?", to=world.box.posts("alice.test")[0].uri)


def command(sky: Skywrite, world: World) -> None:
    """A command that comes every hour, and prints two rows that are never the same."""
    row = 'echo "{\\"text\\": \\"$(date +%s%N)\\"}"'
    sky.commands.add(f"{row}; {row}", every="0 * * * *", jsonl=True, repeat=True)


def watching_command(sky: Skywrite, world: World) -> None:
    """A command that posts what it prints where that changed."""
    (world.home / "said").write_text("before")
    sky.commands.add(f"cat {world.home / 'said'}", every="0 * * * *")


def changed(world: World) -> None:
    """The command prints something else."""
    (world.home / "said").write_text("after")


def keyed_command(sky: Skywrite, world: World) -> None:
    """A command whose row has a key of its own, so that only the first of its runs posts it."""
    sky.commands.add('echo "{\\"text\\": \\"$(date +%s%N)\\", \\"key\\": \\"once\\"}"', every="0 * * * *", jsonl=True)


def folder(sky: Skywrite, world: World) -> None:
    """An account with a slot every minute, for the files of a folder."""
    sky.accounts.set_slots(None, [Slot(1, 13 * 60 + minute, "UTC") for minute in range(120)])


def synced(sky: Skywrite) -> None:
    """A folder, whose file names no time."""
    path = sky.context.config.home / "posts"
    if sky.context.clock.now() >= NOON + timedelta(hours=1):
        path.mkdir(exist_ok=True)
        (path / "one.md").write_text("From a folder")
        sky.folders.sync(path)


def followed(sky: Skywrite, world: World) -> None:
    """A post with a reply and a repost that wait for likes."""
    number = sky.post("Do you like it?").id
    assert number is not None
    sky.follow_ups.add(number, when="1 like", reply="Thank you")
    sky.follow_ups.add(number, when="2 likes", repost=True)


def liked(sky: Skywrite) -> None:
    """Each process counts the likes that the post had after an hour."""
    if sky.context.clock.now() >= NOON + timedelta(hours=1):
        post = sky.context.store.posts.get(1)
        item = ToMark(1, str(post.uri), post.account_did, 1, "text", sky.context.clock.now())
        counts = dict.fromkeys(("reposts", "replies", "quotes", "bookmarks"), 0) | {"likes": 2}
        Marks(sky.context.store).note([(item, counts, [])])


def hooked(sky: Skywrite, world: World) -> None:
    """A hook that publishes, whose words change with each edit of its template."""
    sky.hooks.add("releases", template=other_words(), kind="secret", publish=True, secret="a secret that is long")


def told(sky: Skywrite) -> None:
    """The other program sends its message again and again."""
    if sky.context.clock.now() >= NOON + timedelta(hours=1):
        sky.hooks.edit("releases", template=other_words())
        headers = {"x-hook-secret": "a secret that is long", "idempotency-key": "release-2.0"}
        sky.hooks.take(sky.hooks.believe("releases", headers, b"{}"), {})


def polled(sky: Skywrite) -> None:
    """A feed is read often enough for a move to count."""
    for _ in range(MOVES_SEEN + 1):
        sky.feeds.check(1)


SCENES: dict[str, list[Scene]] = {
    "of_answer": [
        Scene(ask_me, answering, meanwhile=asked),
        Scene(ask_me, reposting, meanwhile=asked),
    ],
    "of_command": [Scene(command), Scene(watching_command, meanwhile=changed)],
    "of_feed_item": [
        Scene(lambda sky, world: sky.feeds.add(f"{world.feed}/feed")),
        Scene(lambda sky, world: sky.feeds.add(f"{world.feed}/old"), turn=polled),
    ],
    "of_follow_up": [Scene(followed, turn=liked)],
    "of_hook": [Scene(hooked, turn=told)],
    "of_key": [Scene(keyed_command), Scene(folder, turn=synced)],
    "of_occurrence": [Scene(lambda sky, world: sky.schedule("Drink water", every="hourly"))],
    "of_repost": [Scene(lambda sky, world: sky.reposts.repost(sky.post("Again").id, every="hourly"))],
    "of_function": [Scene(program=lambda sky: sky.every("0 * * * *", name="hourly")(other_words))],
}


@pytest.fixture
def feed(world: World) -> Iterator[None]:
    """A feed that has an item after an hour, with another title and date each time, and one that moves before that."""

    def page(asked: object) -> Reply:
        now = world.clock.now()
        edited = item("one", title=other_words(), pubDate=format_datetime(now))
        return Reply(rss(*[edited] if now >= NOON + timedelta(hours=1) else []))

    def old(asked: object) -> Reply:
        moved = world.clock.now() >= NOON + timedelta(hours=1)
        return Reply(status=301, headers={"Location": "/new"}) if moved else Reply(rss())

    def new(asked: object) -> Reply:
        return page(asked) if next(reads) >= MOVES_SEEN else Reply(rss())

    reads = count()
    with feed_server() as server:
        server.pages |= {"/feed": page, "/old": old, "/new": new}
        world.feed = server.url
        yield


def made(world: World) -> list[tuple[str, str]]:
    """Every post and repost of alice, with its address and content."""
    return [(one.uri, one.cid) for name in (POST, REPOST) for one in world.box.records("alice.test", name)]


def turns(sky: Skywrite, scene: Scene) -> None:
    """Two turns of a worker: one that makes something, and one that sends what the other made last."""
    for _ in range(2):
        scene.turn(sky)
        sky.run_once()
        sky.context.clock.wait(threading.Event(), 60)


@pytest.mark.parametrize(
    "scene", [pytest.param(scene, id=f"{name}-{index}") for name in SCENES for index, scene in enumerate(SCENES[name])]
)
@pytest.mark.usefixtures("feed")
def test_a_restored_backup_makes_nothing_twice(world: World, tmp_path: Path, scene: Scene) -> None:
    """Backup, run, restore, run: each record is there once, whatever was made by itself, with the first words."""
    environ = {"SKYWRITE_FETCH_ALLOW": "127.0.0.1"}
    sky = world.process(**environ)
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    scene.before(sky, world)
    scene.program(sky)
    sky.run_once()
    sky.transfer.backup(tmp_path / "backup.db")
    before = made(world)
    scene.meanwhile(world)
    world.clock.advance(HOUR)
    turns(sky, scene)
    world.clock.advance(HOUR)
    turns(sky, scene)
    after = made(world)
    world.clock.advance(HOUR / 2)
    shutil.copy(tmp_path / "backup.db", tmp_path / "restored.db")
    restored = world.process(str(tmp_path / "restored.db"), **environ)
    scene.program(restored)
    turns(restored, scene)
    assert (True, after) == (after != before, made(world))


# What no agent sets up, or what asks for no approval. Ways of answering are in tests/features/test_agents_sources.py.
NO_AGENTS = {
    "of_answer": "functions of a program",
    "of_command": "no key adds a command",
    "of_function": "functions of a program",
    "of_key": "no key adds a command or syncs a folder",
    "of_repost": "a repost is not approved",
}


@pytest.mark.parametrize(
    "scene",
    [
        pytest.param(scene, id=f"{name}-{index}")
        for name in SCENES
        if name not in NO_AGENTS
        for index, scene in enumerate(SCENES[name])
    ],
)
@pytest.mark.usefixtures("feed")
def test_what_an_agent_set_up_waits_for_an_approval(world: World, scene: Scene) -> None:
    """Where agents need an approval, so does all that comes by itself of what an agent's key has set up."""
    sky = world.process(SKYWRITE_FETCH_ALLOW="127.0.0.1")
    sky.accounts.login("alice.test", world.box.account("alice.test").app_password, pds=world.box.url)
    with written_by("key 3", agent=True):
        scene.before(sky, world)
    sky.run_once()
    before = world.texts()
    sky.accounts.set(None, {"approval": "agents"})
    for _ in range(2):
        world.clock.advance(HOUR)
        turns(sky, scene)
    assert (before, True) == (world.texts(), len(sky.approvals.list()) > 0)


def test_every_identity_has_a_scene() -> None:
    """What gets an identity is in the walk above."""
    functions = {name for name, _ in inspect.getmembers(identities, inspect.isfunction) if name.startswith("of_")}
    assert (functions, set()) == (SCENES.keys(), NO_AGENTS.keys() - functions)


# Every place that makes a post or a record for the queue: an identity, or who asked for it.
PLACES = {
    "features/feeds/task.py _post_item": "of_feed_item",
    "features/folders/service.py _new": "of_key",
    "app/drafting.py new_post": "whoever calls it",
    "features/follow_ups/service.py _do": "of_follow_up",
    "features/follow_ups/service.py _reply": "of_follow_up",
    "app/functions.py call": "a person",
    "features/answers/service.py _add": "of_answer",
    "features/answers/service.py answer_by": "of_answer",
    "features/answers/store.py answer_claimed": "of_answer",
    "features/hooks/service.py _made": "of_hook",
    "app/occurrences.py _post": "of_occurrence",
    "app/posts.py schedule": "a person",
    "features/groups/service.py add": "a person",
    "features/bulk/service.py _copied": "a person",
    "features/reposts/service.py _add": "a person",
    "features/tables/importing.py _post": "a person",
    "features/reposts/service.py _key_at": "of_repost",
    "features/tables/row_checks.py post": "a person",
    "app/rows.py accept": "whoever calls it",
    "app/sending.py publish_now": "a person",
    "app/timers.py _posts": "of_command",
}
MAKERS = ("NewPost", "new_post", "identities.key_of", "tids.next")


def makers() -> Iterator[str]:
    """The functions of the program that make posts, rows or record keys; not those of the stand-in for a server."""
    for path in sorted(set(SOURCE.rglob("*.py")) - set(SOURCE.glob("sandbox/*.py"))):
        place = path.relative_to(SOURCE).as_posix()
        for function in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(function, ast.FunctionDef) and any(_makes(node) for node in ast.walk(function)):
                yield f"{place} {function.name}"


def test_what_is_made_has_keys_that_nobody_else_may_use() -> None:
    """Each beginning of a key that the source writes is on the list of those that requests may not have."""
    sources = [path.read_text("utf-8") for path in SOURCE.rglob("*.py")]
    starts = {start for text in sources for start in re.findall(r'\bkey ?= ?f"([a-z_ -]+:)', text)}
    assert ({"feed:", "follow-up:", "draft:"}, set()) == (starts, starts - {*identities.MADE_KEYS})


def _makes(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func)
    accepts = called.endswith(".accept") and any(word.arg == "source" for word in node.keywords)
    return accepts or any(f".{called}".endswith(f".{maker}") for maker in MAKERS)


def test_every_place_that_makes_something_is_known() -> None:
    """A place that makes posts or records is in the walk above, or somebody asked for what it makes."""
    assert set(makers()) == PLACES.keys()
    walked = {what for what in PLACES.values() if what.startswith("of_")}
    assert walked <= SCENES.keys()
