"""Clocks that jump, days without a worker, databases and disks that go away: through the app, to a server's records."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.occurrences import Occurrences
from skywrite.app.work import Periodic
from skywrite.core.clock import FakeClock
from skywrite.core.config import load_config
from skywrite.core.errors import StorageError
from skywrite.core.http import Response
from skywrite.queue.database import DatabaseUnavailable, DiskFull
from skywrite.sandbox import Sandbox
from skywrite.sandbox.transport import SandboxTransport
from tests.crash.support import environment, opened
from tests.support.canaries import guard_app_password
from tests.support.claims import claim_next
from tests.support.postgres import PostgresServer, postgres_server
from tests.support.processes import ServerUnavailable, python_child

HANDLE = "alice.test"
BERLIN = "Europe/Berlin"
SPRING = datetime(2026, 3, 27, 12, tzinfo=UTC)
AUTUMN = datetime(2026, 10, 23, 12, tzinfo=UTC)
ROUNDS_MAX = 2000


class Hooked(SandboxTransport):
    """The sandbox's transport, which calls `after_write` when a write has been carried out and nobody knows yet."""

    after_write: Callable[[], None] | None = None

    def request(self, method: str, url: str, **how: Any) -> Response:
        answer = super().request(method, url, **how)
        if self.after_write and url.endswith("applyWrites"):
            self.after_write()
        return answer


class Bot:
    """One account on a sandbox, a queue, and a clock that stands still until time is made to pass."""

    def __init__(self, folder: Path, start: datetime, database: str = "") -> None:
        self.clock = FakeClock(start)
        self.box = Sandbox(accounts=(HANDLE,), clock=self.clock)
        self.transport = Hooked(self.box)
        config = load_config(environment(folder, self.box.plc_url, database))
        self.sky = Skywrite(config=config, clock=self.clock, transport=self.transport)
        self.sky.accounts.login(HANDLE, guard_app_password(self.box.account(HANDLE).app_password), pds=self.box.url)
        self.sky.accounts.set(HANDLE, {"zone": BERLIN})

    def live(self, *, days: float) -> None:
        """A worker runs for so long: it publishes whatever becomes due, at the moment at which it becomes due."""
        until = self.clock.now() + timedelta(days=days)
        worker = self.sky.worker(threads=1)
        for _ in range(ROUNDS_MAX):
            if worker.step() or Occurrences(self.sky.context, self.sky._drafting).sweep():
                continue
            ready = self.sky.context.store.claims.next_ready_at()
            if ready is None or ready > until:
                self.clock.set(until)
                return
            self.clock.set(max(ready, self.clock.now()))
        raise AssertionError(f"not done after {ROUNDS_MAX} rounds")

    def published(self) -> list[str]:
        """When each post came to the server, in the account's zone, with its offset."""
        moments = [datetime.fromisoformat(record.indexed_at) for record in self.box.records(HANDLE)]
        return [f"{moment.astimezone(UTC):%d %H:%M}" for moment in moments]


@pytest.fixture
def bot_at(tmp_path: Path) -> Iterator[Callable[[datetime], Bot]]:
    """Makes the bot of a test."""
    bots: list[Bot] = []

    def make(start: datetime) -> Bot:
        bots.append(Bot(tmp_path, start))
        return bots[0]

    yield make
    for bot in bots:
        bot.sky.close()


@pytest.mark.parametrize(
    ("start", "expected"),
    [(SPRING, ["28 01:30", "29 01:00", "30 00:30"]), (AUTUMN, ["24 00:30", "25 00:30", "26 01:30"])],
)
def test_every_day_when_the_clocks_change(
    bot_at: Callable[[datetime], Bot], start: datetime, expected: list[str]
) -> None:
    """A time that does not exist is made up for at the end of the gap, a time that comes twice is used once."""
    bot = bot_at(start)
    bot.sky.schedule("Good night", every="30 2 * * *", account=HANDLE)
    bot.live(days=3)
    assert expected == bot.published()


@pytest.mark.parametrize(
    ("start", "at", "expected"),
    [
        (SPRING, "2026-03-29 02:30", "29 01:30"),
        (SPRING, "2026-03-29 03:30", "29 01:30"),
        (AUTUMN, "2026-10-25 02:30", "25 00:30"),
        (AUTUMN, "2026-10-25 03:30", "25 02:30"),
    ],
)
def test_one_post_when_the_clocks_change(
    bot_at: Callable[[datetime], Bot], start: datetime, at: str, expected: str
) -> None:
    """It goes out once, at the moment that was answered when it was accepted."""
    bot = bot_at(start)
    answered = bot.sky.schedule("Once", at=f"{at} {BERLIN}", account=HANDLE).due_at
    bot.live(days=3)
    assert answered and ([expected], expected) == (bot.published(), f"{answered:%d %H:%M}")


@pytest.mark.parametrize(("late", "made_up"), [(None, 1), ("publish", 1), ("hold:1h", 0), ("skip:30m", 0)])
def test_two_days_without_a_worker(bot_at: Callable[[datetime], Bot], late: str | None, made_up: int) -> None:
    """Eighteen occurrences were missed: at most one post makes up for them, and then all goes on as before."""
    bot = bot_at(datetime(2026, 6, 1, 6, tzinfo=UTC))
    bot.sky.schedule("Hourly", every="0 9-17 * * *", account=HANDLE, late=late)
    bot.live(days=1)
    assert 9 == len(bot.published())
    bot.clock.advance(2 * 86_400)
    bot.live(days=0)
    assert made_up == len(bot.published()) - 9
    bot.live(days=1)
    assert [f"04 {hour:02d}:00" for hour in range(7, 16)] == bot.published()[9 + made_up :]


def test_the_clock_jumps_ahead_by_a_day(bot_at: Callable[[datetime], Bot]) -> None:
    """Of posts that were due meanwhile, those within their grace go out at once and in order, the others are held."""
    bot = bot_at(SPRING)
    for hours in (1, 5, 20):
        bot.sky.schedule(f"in {hours}", at=SPRING + timedelta(hours=hours), account=HANDLE, late="hold:12h")
    bot.clock.advance(86_400)
    bot.live(days=0)
    assert ["in 20"] == [post.text for post in bot.box.posts(HANDLE)]
    held = bot.sky.posts.list(states=("held",))
    for entry in held:
        bot.sky.posts.release(entry.post.id)
    bot.live(days=0)
    assert ["in 20", "in 1", "in 5"] == [post.text for post in bot.box.posts(HANDLE)]


def test_the_clock_is_set_back_by_a_day(bot_at: Callable[[datetime], Bot]) -> None:
    """Nothing is published again, nothing early by the new time, and no record key comes twice."""
    bot = bot_at(SPRING)
    bot.sky.schedule("Daily", every="0 14 * * *", account=HANDLE)
    bot.sky.schedule("Once", at=SPRING + timedelta(hours=2), account=HANDLE)
    bot.live(days=1)
    assert ["27 13:00", "27 14:00"] == bot.published()
    bot.clock.advance(-86_400)
    bot.sky.schedule("New", at=SPRING + timedelta(hours=3), account=HANDLE)
    bot.live(days=2)
    assert ["27 15:00", "28 13:00", "29 12:00"] == bot.published()[2:]
    assert 5 == len({record.uri for record in bot.box.records(HANDLE)})


@pytest.mark.parametrize("how", ["published", "lease", "retry"])
def test_the_clock_ran_ahead_for_a_while(bot_at: Callable[[datetime], Bot], how: str) -> None:
    """It went twenty days ahead and came back: what was published, left or put off then keeps no post waiting."""
    bot = bot_at(SPRING)
    bot.sky.accounts.set(HANDLE, {"gap_seconds": "60", "max_per_day": "2"})
    bot.sky.schedule("first", at=SPRING, account=HANDLE, late="publish")
    bot.clock.advance(20 * 86_400)
    if how == "lease":
        assert claim_next(bot.sky.context.store, "otherhost/1/abc", 120, bot.sky._sending.publisher().decider)
    else:
        if how == "retry":
            bot.box.faults.add("com.atproto.repo.applyWrites", kind="refused", times=None)
        bot.sky.run_once(threads=1)
        bot.box.faults.clear()
    bot.clock.set(SPRING)
    bot.sky.schedule("second", at=SPRING + timedelta(minutes=1), account=HANDLE)
    for _ in range(3):
        bot.clock.advance(60)
        bot.sky.run_once(threads=1)
    assert ["first", "second"] == [post.text for post in bot.box.posts(HANDLE)]


def test_posting_at_once_after_the_clock_ran_ahead(bot_at: Callable[[datetime], Bot]) -> None:
    """A worker of another computer died while the clock was ahead: `post` finishes its post and sends its own."""
    bot = bot_at(SPRING)
    bot.sky.schedule("left", at=SPRING, account=HANDLE, late="publish")
    bot.clock.advance(20 * 86_400)
    assert claim_next(bot.sky.context.store, "otherhost/1/abc", 120, bot.sky._sending.publisher().decider)
    bot.clock.set(SPRING)
    bot.sky.post("now", account=HANDLE)
    assert ["left", "now"] == [post.text for post in bot.box.posts(HANDLE)]


def test_a_workers_tasks_go_on_after_the_clock_ran_ahead(bot_at: Callable[[datetime], Bot]) -> None:
    """Those that come by the minute are due at once when the clock is right again, and then as before."""
    bot = bot_at(SPRING)
    tasks = [task for task in bot.sky.worker().tasks if isinstance(task, Periodic)]
    bot.clock.advance(20 * 86_400)
    for task in tasks:
        task.run()
    bot.clock.set(SPRING)
    assert {SPRING} == {task.next_at() for task in tasks}
    for task in tasks:
        task.run()
    later = [task.next_at() for task in tasks]
    assert all(moment and moment > SPRING for moment in later)


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server that is crashed."""
    try:
        with postgres_server() as server:
            yield server
    except ServerUnavailable as error:
        pytest.fail(str(error), pytrace=False)


def test_postgresql_crashes_while_a_post_is_sent(own_postgres: PostgresServer, tmp_path: Path) -> None:
    """The post is on the network and nobody could note it: after the restart it is found there, once."""
    bot = Bot(tmp_path, SPRING, own_postgres.create_database())
    bot.sky.schedule("Once", at=SPRING, account=HANDLE)
    bot.transport.after_write = own_postgres.crash
    worker = bot.sky.worker()
    with pytest.raises(DatabaseUnavailable):
        worker.step()
    bot.transport.after_write = None
    own_postgres.restart()
    assert ["publishing"] == [entry.post.state for entry in bot.sky.posts.list()]
    bot.clock.advance(600)
    bot.live(days=0)
    assert (["lost", "published"], 1) == (
        [attempt.outcome for attempt in bot.sky.context.store.posts.attempts(1)],
        len(bot.published()),
    )
    bot.sky.close()


def test_a_worker_outlives_a_restart_of_postgresql(own_postgres: PostgresServer, tmp_path: Path) -> None:
    """It waits for the database, comes back by itself, and publishes what is scheduled then."""
    database = own_postgres.create_database()
    with Sandbox(accounts=(HANDLE,)) as box:
        environ = environment(tmp_path, box.plc_url, database)
        with Skywrite(config=load_config(environ)) as sky:
            sky.accounts.login(HANDLE, guard_app_password(box.account(HANDLE).app_password), pds=box.url)
            done, events = threading.Event(), []

            def log(event: str, **facts: Any) -> None:
                events.append(event)
                if event == "published":
                    done.set()

            worker = sky.worker(threads=2, log=log)
            thread = threading.Thread(target=worker.run)
            thread.start()
            try:
                own_postgres.crash()
                own_postgres.restart()
                sky.schedule("After the restart", at="now", account=HANDLE)
                assert done.wait(120), events
            finally:
                worker.stop()
                thread.join()
    assert ["After the restart"] == [post.text for post in box.posts(HANDLE)]


# A disk of our own, that can be filled and set to read-only


@pytest.fixture
def disk() -> Iterator[Path]:
    """A file system of 16 MB, where one may be mounted; gone afterwards, whatever is open on it."""
    place = Path(tempfile.mkdtemp(prefix="skywrite-disk-"))
    try:
        if os.geteuid() != 0 or mount("-t", "tmpfs", "-o", "size=16m,mode=700", "tmpfs", str(place)) != 0:
            pytest.skip("only root may mount a small file system; tests/store shows the same with limits of SQLite")
        try:
            yield place
        finally:
            subprocess.run(["umount", "--lazy", str(place)], check=True)
    finally:
        place.rmdir()


def mount(*words: str) -> int:
    """The exit code of mount."""
    return subprocess.run(["mount", *words], check=False, capture_output=True).returncode


@contextmanager
def full(disk: Path) -> Iterator[None]:
    """No byte is left on the disk for the time of the block."""
    fill(disk)
    try:
        yield
    finally:
        (disk / "filler").unlink()


def fill(disk: Path) -> None:
    """Write until there is no room."""
    with (disk / "filler").open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError as error:
            assert errno.ENOSPC == error.errno


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Nothing may be written on the disk for the time of the block."""
    assert 0 == mount("-o", "remount,ro", str(disk))
    try:
        yield
    finally:
        assert 0 == mount("-o", "remount,rw", str(disk))


def skywrite(environ: Mapping[str, str], *words: str) -> tuple[int, Any]:
    """The exit code of a command, and what it said as JSON."""
    with python_child("-m", "skywrite.faces.cli.main", *words, "--json", environ=environ) as child:
        code = child.wait()
        return code, json.loads(child.output)


@pytest.mark.parametrize(("trouble", "error"), [(full, "disk.full"), (read_only, "database.read_only")])
def test_a_disk_that_takes_nothing(disk: Path, trouble: Callable[[Path], Any], error: str) -> None:
    """What cannot be stored is not accepted and not sent, and says why; what was accepted before goes out, once."""
    with Sandbox(accounts=(HANDLE,)) as box:
        environ = environment(disk / "home", box.plc_url)
        with opened(environ) as sky:
            sky.accounts.login(HANDLE, guard_app_password(box.account(HANDLE).app_password), pds=box.url)
            sky.schedule("before", at="now")
        with trouble(disk):
            answers = [skywrite(environ, *words) for words in (("post", "no"), ("run", "--once"))]
        assert [(1, error)] * 2 == [(code, answer["code"]) for code, answer in answers]
        assert [] == box.posts(HANDLE)
        assert (0, 1) == ((ran := skywrite(environ, "run", "--once"))[0], ran[1]["published"])
        assert ["before"] == [post.text for post in box.posts(HANDLE)]
        with opened(environ) as sky:
            assert [("before", "published")] == [(one.post.text, one.post.state) for one in sky.posts.history()]


def test_the_disk_fills_while_a_post_is_sent(disk: Path) -> None:
    """It is on the network and cannot be noted: with room again it is found there, and noted."""
    bot = Bot(disk, SPRING)
    for number in range(30):
        bot.sky.schedule(f"{number} " + "x" * 200, at=SPRING, account=HANDLE)
    bot.transport.after_write = lambda: fill(disk)
    worker, before = bot.sky.worker(), 0
    with pytest.raises(StorageError) as caught:
        while worker.step():
            before += 1
    assert isinstance(caught.value, DiskFull)
    assert before + 1 == len(bot.published())
    bot.transport.after_write = None
    (disk / "filler").unlink()
    bot.clock.advance(600)
    bot.live(days=0)
    assert (30, 30) == (len(bot.published()), bot.sky.context.store.listing.count()["published"])
    bot.sky.close()


def test_a_read_only_disk_can_be_looked_at(disk: Path) -> None:
    """`queue`, `history` and `show` read a database on a file system that takes no writes, and leave it as it is."""
    with Sandbox(accounts=(HANDLE,)) as box:
        environ = environment(disk / "home", box.plc_url)
        with opened(environ) as sky:
            sky.accounts.login(HANDLE, box.account(HANDLE).app_password, pds=box.url)
            sky.schedule("It waits", at="in 1 hour")
            sky.context.store.posts.cancel(sky.schedule("It is over", at="in 1 hour").id)
        with read_only(disk):
            told = [skywrite(environ, *words) for words in (("queue",), ("history",), ("show", "1"))]
    assert [0, 0, 0] == [code for code, _ in told]
    assert ("It waits", "It is over") == (told[0][1][0]["text"], told[1][1][0]["text"])
