"""Periodic work of every kind: whoever hangs holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import SYSTEM_CLOCK, FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import SkywriteError, StorageError, TimedOut
from skywrite.core.http import Response
from skywrite.features.feeds.model import NewFeed
from skywrite.features.feeds.store import FeedStore
from skywrite.features.notices.store import Channel
from skywrite.features.reposts.service import REPOST
from skywrite.posting.publish.rounds import Rounds, Turn, Work
from skywrite.protocol.atproto.sign_in import create_session
from skywrite.protocol.fetch.fetch import Fetched
from skywrite.queue.marks import COUNTS, Marks, ToMark
from skywrite.queue.model import STATES
from skywrite.queue.webhooks import Webhooks
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.support.feed_server import rss
from tests.support.processes import PATIENCE_SECONDS
from tests.support.world import NOON

HUNG, HEALTHY = 10, 12
HUNG_APPVIEW = "http://localhost:9"


class Town:
    """Accounts on one server. From `hang` on the first of them get no answers, nor does anybody at the AppView."""

    def __init__(self, folder: Path, release: threading.Event) -> None:
        self.hung = [f"hung{number}.test" for number in range(HUNG)]
        self.healthy = [f"good{number}.test" for number in range(HEALTHY)]
        self.all = (*self.hung, *self.healthy)
        self.box = Sandbox(accounts=self.all, clock=SYSTEM_CLOCK)
        self.mailed: set[str] = set()
        self._release = release
        self._inner = SandboxTransport(self.box)
        self._hanging: set[str] = set()
        environ = {
            "SKYWRITE_HOME": str(folder),
            "SKYWRITE_PLC_URL": self.box.plc_url,
            "SKYWRITE_VIDEO_SERVICE": "",
            "SKYWRITE_APPVIEW": HUNG_APPVIEW,
        }
        self.sky = Skywrite(config=load_config(environ), transport=self, clock=SYSTEM_CLOCK)
        self.store = self.sky.context.store
        self._marks: set[str] = set()
        self.posts = {name: self._join(name) for name in self.all}

    def _join(self, name: str) -> int:
        """Sign in and publish a post. Returns its number."""
        session = create_session(self._inner, self.box.url, name, self.box.account(name).app_password or "")
        self.store.accounts.sign_in(session)
        if name in self.hung:
            self._marks |= {session.access_jwt, session.refresh_jwt, session.did}
        number = self.sky.post("Hello", account=name).id
        assert number is not None
        return number

    def hang(self) -> None:
        """From now on."""
        self._hanging = {*self._marks, HUNG_APPVIEW}

    def request(self, method: str, url: str, **more: Any) -> Response:
        """As `skywrite.core.http.Transport`."""
        asked = f"{url} {more.get('headers')}"
        if any(mark in asked for mark in self._hanging):
            self.wait()
        return self._inner.request(method, url, **more)

    def wait(self) -> None:
        """Hang, until the end of the test."""
        self._release.wait()
        raise TimedOut("It did not respond in time.")


class Scene(NamedTuple):
    """How one kind of work gets something to do for everybody, and for whom it is done."""

    prepare: Callable[[Town], None]
    done_for: Callable[[Town], set[str]]


def prepare_timers(town: Town) -> None:
    def function(name: str) -> Callable[[], str]:
        def call() -> str:
            if name in town.hung:
                town.wait()
            return f"From {name}"

        call.__name__ = name.replace(".", "_")
        return call

    for name in town.all:
        town.sky.every("* * * * *", account=town.healthy[0], late="publish")(function(name))
    town.sky._functions.store_times()
    with town.store.writing() as tx:
        past = SYSTEM_CLOCK.now() - timedelta(minutes=2)
        tx.select(town.store.database.translate("UPDATE timer SET next_at = :past RETURNING 1"), {"past": past})


def timers_done(town: Town) -> set[str]:
    return {post.text.removeprefix("From ") for post in town.store.listing.posts(STATES, limit=1000)}


def prepare_follow_ups(town: Town) -> None:
    for name, number in town.posts.items():
        town.sky.follow_ups.add(number, when="1 like", reply=f"Thank you, says {name}")
        post = town.store.posts.get(number)
        counted = ToMark(number, str(post.uri), post.account_did, 1, "Hello", SYSTEM_CLOCK.now())
        Marks(town.store).note([(counted, {**dict.fromkeys(COUNTS, 0), "likes": 3}, [])])


def follow_ups_done(town: Town) -> set[str]:
    return {post.text.removeprefix("Thank you, says ") for post in town.store.listing.posts(STATES, limit=1000)}


def prepare_sessions(town: Town) -> None:
    past = SYSTEM_CLOCK.now() - timedelta(days=40)
    with town.store.writing() as tx:
        update = town.store.database.translate("UPDATE account SET session_refreshed_at = :past RETURNING 1")
        tx.select(update, {"past": past})


def sessions_done(town: Town) -> set[str]:
    lately = SYSTEM_CLOCK.now() - timedelta(days=1)
    return {one.handle for one in town.store.accounts.all() if (one.session_refreshed_at or lately) > lately}


def prepare_webhooks(town: Town) -> None:
    def post(url: str, *_: Any, **__: Any) -> Response:
        if "hung" in url:
            town.wait()
        return Response(200, {}, rss())

    def fetch(url: str, **_: Any) -> Fetched:
        return Fetched(url, 200, {"content-type": "text/xml"}, post(url).body)

    fetcher = SimpleNamespace(post=post, fetch=fetch, check=lambda url: None)
    town.sky.context.network._fetcher = fetcher  # type: ignore[assignment]
    for name in town.all:
        Webhooks(town.store).send_test(Webhooks(town.store).add(f"https://{name}/")[0].id)


def webhooks_done(town: Town) -> set[str]:
    hooks = Webhooks(town.store)
    waiting = {number for number, _ in hooks.waiting()}
    sent = [hook for hook in hooks.all() if hook.id not in waiting]
    delivered = [hook.url for hook in sent if hooks.deliveries(hook.id)[0].state == "delivered"]
    return {url.removeprefix("https://").removesuffix("/") for url in delivered}


def prepare_notices(town: Town) -> None:
    for name in town.all:
        town.sky.notices.add_email(f"me@{name}", sender="bot@a.example", server=f"smtp.{name}")
    held = town.sky.schedule("To be held", at="tomorrow 9:00", account=town.healthy[0]).post_id
    assert held is not None
    town.sky.posts.hold(held)


def prepare_inbox(town: Town) -> None:
    for first in (0, HEALTHY // 2):
        names = town.healthy[first : first + HEALTHY // 2]
        writer = town.healthy[first - 1]
        town.sky.post(" ".join(f"@{name}" for name in names), account=writer)
    for name in town.all:
        town.sky.accounts.set(name, {"inbox": "yes"})


def inbox_done(town: Town) -> set[str]:
    handles = {account.did: account.handle for account in town.store.accounts.all()}
    return {handles[item.account_did] for item in town.sky.inbox.list()}


def prepare_reposts(town: Town) -> None:
    for name in town.all:
        town.sky.reposts.repost(town.posts[town.healthy[0]], account=name)


def reposts_done(town: Town) -> set[str]:
    return {name for name in town.healthy if town.box.records(name, REPOST)}


def prepare_feeds(town: Town) -> None:
    for name in town.all:
        feed = NewFeed(f"https://{name}/feed", (town.store.accounts.get(town.healthy[0]).did,), "", {})
        FeedStore(town.store).release_feed(FeedStore(town.store).add_feed(feed, "", 60))
    with town.store.writing() as tx:
        update = town.store.database.translate("UPDATE feed SET ready_at = :past RETURNING 1")
        tx.select(update, {"past": SYSTEM_CLOCK.now() - timedelta(minutes=2)})


def feeds_done(town: Town) -> set[str]:
    return {feed.url.split("/")[2] for feed in FeedStore(town.store).feeds() if feed.first_polled_at is not None}


SCENES = {
    "feeds": Scene(prepare_feeds, feeds_done),
    "timers": Scene(prepare_timers, timers_done),
    "follow-ups": Scene(prepare_follow_ups, follow_ups_done),
    "sessions": Scene(prepare_sessions, sessions_done),
    "webhooks": Scene(prepare_webhooks, webhooks_done),
    "notices": Scene(prepare_notices, lambda town: town.mailed),
    "inbox": Scene(prepare_inbox, inbox_done),
    # There is one AppView, so nobody else waits for it.
    "marks": Scene(lambda town: None, lambda town: set(town.healthy)),
    "reposts": Scene(prepare_reposts, reposts_done),
}


@pytest.fixture
def release() -> Iterator[threading.Event]:
    """Until it is set, those that hang are silent; set at the end, whatever the test comes to."""
    event = threading.Event()
    yield event
    event.set()


def test_of_every_kind_of_work_those_that_hang_hold_up_nobody_else(
    tmp_path: Path, release: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ten accounts, webhooks, mail servers and functions of each kind hang at once: the others are all done."""
    town = Town(tmp_path, release)

    def send(ctx: object, channel: Channel, *_: object) -> None:
        if "hung" in str(channel.config["to"]):
            town.wait()
        town.mailed.add(str(channel.config["to"]).removeprefix("me@"))

    monkeypatch.setattr("skywrite.features.notices.service.send", send)
    assert set(SCENES) == {work.kind for work in town.sky._runner().works()}
    for scene in SCENES.values():
        scene.prepare(town)
    town.hang()
    worker = town.sky.worker()
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        ends = SYSTEM_CLOCK.monotonic() + PATIENCE_SECONDS
        while (left := unfinished(town)) and SYSTEM_CLOCK.monotonic() < ends:
            SYSTEM_CLOCK.wait(worker.stopping, 0.2)
        assert ({}, False) == (left, release.is_set())
    finally:
        release.set()
        worker.stop()
        thread.join(PATIENCE_SECONDS)
        town.sky.close()


def unfinished(town: Town) -> dict[str, set[str]]:
    """Who is still to be done, by kind."""
    left = {kind: set(town.healthy) - scene.done_for(town) for kind, scene in SCENES.items()}
    return {kind: names for kind, names in left.items() if names}


class Chores:
    """Work that a test makes up."""

    kind = "chores"

    def __init__(self, *turns: Turn, take: Callable[[Turn], SkywriteError | None] = lambda turn: None) -> None:
        self.turns = list(turns)
        self.taken: list[str] = []
        self._take = take

    def next_at(self) -> datetime | None:
        return NOON

    def due(self) -> list[Turn]:
        due, self.turns = self.turns, []
        return due

    def take(self, turn: Turn) -> SkywriteError | None:
        self.taken.append(turn.name)
        return self._take(turn)


def rounds(work: Work, **options: Any) -> Rounds:
    """Rounds that wait for all turns."""
    return Rounds(work, FakeClock(NOON), options.pop("stopping", threading.Event()), wait=True, **options)


def test_all_turns_are_taken_once() -> None:
    """However many there are, and of however many servers."""
    work = Chores(*(Turn(str(number), f"server {number % 7}") for number in range(300)))
    rounds(work).run()
    assert sorted(map(str, range(300))) == sorted(work.taken)


def test_a_turn_that_fails_stops_no_other() -> None:
    """What goes wrong is logged; only trouble with the database is raised, at the end."""
    told: list[str] = []

    def take(turn: Turn) -> SkywriteError | None:
        if turn.name == "a":
            raise RuntimeError("no")
        if turn.name == "b":
            raise StorageError("It is full.")
        return None

    work = Chores(*(Turn(name, name) for name in "abcdef"), take=take)
    with pytest.raises(StorageError):
        rounds(work, log=lambda event, **facts: told.append(event)).run()
    assert (list("abcdef"), ["unexpected"]) == (sorted(work.taken), told)


def test_nothing_is_begun_after_a_stop() -> None:
    """What is under way may end."""
    stopping = threading.Event()

    def take(turn: Turn) -> SkywriteError | None:
        stopping.set()
        return None

    work = Chores(*(Turn(str(number), "one server") for number in range(50)), take=take)
    rounds(work, stopping=stopping, threads=1).run()
    assert ["0"] == work.taken


def test_one_turn_of_a_name_at_a_time() -> None:
    """It is due again while it is taken: nobody begins it a second time."""
    gate, begun = threading.Event(), threading.Semaphore(0)

    def take(turn: Turn) -> SkywriteError | None:
        begun.release()
        gate.wait(PATIENCE_SECONDS)
        return None

    work = Chores(Turn("a", "x"), take=take)
    same_rounds = Rounds(work, SYSTEM_CLOCK, threading.Event())
    same_rounds.run()
    assert begun.acquire(timeout=PATIENCE_SECONDS)
    work.turns = [Turn("a", "x"), Turn("b", "x")]
    same_rounds.run()
    assert begun.acquire(timeout=PATIENCE_SECONDS)
    gate.set()
    for thread in same_rounds.begin_to_end():
        thread.join(PATIENCE_SECONDS)
    assert ["a", "b"] == work.taken
