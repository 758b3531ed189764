"""`skywrite commands`: what a command prints is posted, once for each of its times, and errors are told, not posted."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.app.timers import TimerTask
from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.errors import InputError
from skywrite.posting.publish.rounds import take_all
from skywrite.queue.timers import NewTimer, Timer
from tests.support.desk import NOON, Desk
from tests.support.processes import PATIENCE_SECONDS

HOURLY = "0 * * * *"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


class Log:
    """What a worker logs."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **facts: Any) -> None:
        self.events.append((event, facts))

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.events]


def watch(desk: Desk, command: str, **options: Any) -> Timer:
    """A watch that comes every hour, in the desk's folder."""
    return desk.sky.commands.add(command, every=HOURLY, folder=desk.folder, **options)


def hours(desk: Desk, count: float = 1) -> list[str]:
    """Let hours pass, run a worker once after each, and give what is on the network."""
    for _ in range(max(int(count), 1)):
        desk.clock.advance(3600 * (count if count < 1 else 1))
        desk.sky.run_once()
    return desk.published()


def test_output_is_posted_at_its_times(desk: Desk) -> None:
    """A command runs at its times and not before; what it prints is posted with the fields that all share."""
    watch(desk, "date > ran; echo It rains.", draft={"tags": ["weather"], "langs": ["en"]})
    assert ([], False) == (hours(desk, 0.5), (desk.folder / "ran").exists())
    assert ["It rains."] == hours(desk, 0.5)
    record = desk.box.posts("alice.test")[0].record
    assert (["weather"], ["en"]) == (record["tags"], record["langs"])
    assert (1, "command") == (len(desk.published()), desk.sky.posts.history()[0].post.source)


def test_nothing_and_the_same(desk: Desk) -> None:
    """Nothing printed is nothing posted, and so is the same output again, also after it was silent meanwhile."""
    watch(desk, "cat words")
    outputs = ["one", "", "one", "two", "\n two \n", "one"]
    for words in outputs:
        (desk.folder / "words").write_text(words)
        hours(desk)
    assert ["one", "two", "one"] == desk.published()


def test_same_again_where_it_is_wished(desk: Desk) -> None:
    """With `repeat` the same output is posted each time."""
    watch(desk, "echo Tick", repeat=True)
    assert ["Tick"] * 3 == hours(desk, 3)


@pytest.mark.parametrize(
    ("command", "options", "error"),
    [
        ("echo half; exit 1", {}, "command.failed"),
        ("sleep 300", {"timeout_seconds": 0.2}, "command.timed_out"),
        ("yes", {"max_bytes": 100}, "command.too_loud"),
        ("printf '\\351'", {}, "command.failed"),
        ("printf 'x%.0s' $(seq 301)", {}, "text.too_long"),
        ("echo not json", {"jsonl": True}, "table.unreadable"),
        ("""printf '{"text": "good"}\\n{"txet": "bad"}\\n'""", {"jsonl": True}, "draft.invalid"),
        ("""echo '{"text": "x", "images": ["gone.png"]}'""", {"jsonl": True}, "file.missing"),
    ],
)
def test_errors_are_reported_and_not_posted(desk: Desk, command: str, options: dict[str, Any], error: str) -> None:
    """Whatever goes wrong is kept with the watch and logged, nothing is posted, and it runs again at its next time."""
    timer = watch(desk, command, **options)
    log = Log()
    desk.clock.advance(3600)
    desk.sky.run_once(log=log)
    told = desk.sky.context.store.timers.get(timer.id)
    assert told.problem is not None
    assert (error, "failed", NOON + timedelta(hours=2)) == (told.problem.code, told.outcome, told.next_at)
    assert ([error], []) == ([facts["code"] for name, facts in log.events if "code" in facts], desk.published())
    assert [] == desk.sky.posts.list()


def test_good_again_after_an_error(desk: Desk) -> None:
    """A command that works again posts, and its error is gone."""
    timer = watch(desk, "cat words")
    hours(desk)
    assert "failed" == desk.sky.context.store.timers.get(timer.id).outcome
    (desk.folder / "words").write_text("back")
    assert ["back"] == hours(desk)
    assert None is desk.sky.context.store.timers.get(timer.id).problem


def test_rows(desk: Desk) -> None:
    """JSON lines are posts each, with their own fields; one with a time waits for it."""
    (desk.folder / "rows").write_text(
        '{"text": "a"}\n{"text": "b", "tags": ["t"]}\n{"text": "c", "at": "in 2 hours"}\n'
    )
    watch(desk, "cat rows", jsonl=True)
    assert ["a", "b"] == hours(desk)
    assert ["c"] == desk.waiting()


def test_two_workers_run_it_once(desk: Desk) -> None:
    """Two workers at the same moment run a command once."""
    watch(desk, "echo x >> ran; echo Once")
    others = [desk.another() for _ in range(4)]
    for _ in range(3):
        desk.clock.advance(3600)
        ready = threading.Barrier(len(others))

        def work(sky: Skywrite, ready: threading.Barrier = ready) -> None:
            ready.wait()
            sky.run_once()

        threads = [threading.Thread(target=work, args=(sky,)) for sky in others]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for sky in others:
        sky.close()
    assert ("x\n" * 3, ["Once"]) == ((desk.folder / "ran").read_text(), desk.published())


def test_killed_in_the_middle(desk: Desk) -> None:
    """A worker that is gone in the middle of a run has stored nothing, and another runs the same time at once."""
    timer = watch(desk, "echo Hello")
    desk.clock.advance(3600)
    at = NOON + timedelta(hours=1)
    gone = f"{desk.sky.context.worker_name.partition('/')[0]}/999999999/dead"
    assert None is not desk.sky.context.store.timers.claim(timer, at, gone, at + timedelta(hours=9))
    desk.sky.run_once()
    assert ["Hello"] == desk.published()
    assert f"watch:{timer.id}:2026-11-24T13:00:00Z" == desk.sky.posts.history()[0].post.key


def test_living_holder_is_waited_for(desk: Desk) -> None:
    """While another computer's worker runs a command, nobody else does; when its lease is over, somebody does."""
    timer = watch(desk, "echo Hello")
    desk.clock.advance(3600)
    at = NOON + timedelta(hours=1)
    desk.sky.context.store.timers.claim(timer, at, "elsewhere/1/x", at + timedelta(minutes=5))
    desk.sky.run_once()
    assert ([], at + timedelta(minutes=5)) == (desk.published(), desk.sky._runner()._timers.next_at())
    desk.clock.advance(301)
    desk.sky.run_once()
    assert ["Hello"] == desk.published()


def test_missed_in_the_hands_of_the_dead(desk: Desk) -> None:
    """A time that a dead worker held, too long ago by now, is left out once, and the next one is waited for."""
    timer = watch(desk, "echo Hello", late="skip:1m")
    at = NOON + timedelta(hours=1)
    gone = f"{desk.sky.context.worker_name.partition('/')[0]}/999999999/dead"
    desk.sky.context.store.timers.claim(timer, at, gone, at + timedelta(minutes=10))
    desk.clock.advance(3600 + 120)
    log = Log()
    timers = desk.sky._runner()._timers
    task = TimerTask(timers, log)
    for _ in range(2):
        take_all(task)
    assert 0 == task.made
    assert (["missed"], NOON + timedelta(hours=2)) == (log.names, timers.next_at())


def test_one_that_cannot_be_followed_stops_no_other(desk: Desk) -> None:
    """It is told and rests for a while; those behind it run, what is due goes out, and its time is not lost."""
    did = desk.sky.accounts.get().did
    at = NOON + timedelta(hours=1)
    broken = desk.sky.context.store.timers.add(NewTimer("command", "echo No", did, HOURLY, "Mars/Base", 86_400, at))
    watch(desk, "echo Hello")
    desk.sky.schedule("Due", at="in 1 hour")
    desk.clock.advance(3600)
    log = Log()
    desk.sky.run_once(log=log)
    assert ["Due", "Hello"] == sorted(desk.published())
    told = desk.sky.context.store.timers.get(broken.id)
    assert told.problem is not None
    assert ("failed", True, at) == (told.outcome, "Mars/Base" in told.problem.message, told.next_at)
    assert (broken.id, at + timedelta(minutes=10)) == (
        next(facts["timer"] for name, facts in log.events if name == "failed"),
        desk.sky._runner()._timers.next_at(),
    )


def test_after_downtime_once_at_the_most(desk: Desk) -> None:
    """After two days without a worker a command runs once, not 48 times."""
    watch(desk, "echo x >> ran; echo Tick", repeat=True)
    desk.clock.advance(2 * 86_400 + 600)
    desk.sky.run_once()
    assert (["Tick"], "x\n") == (desk.published(), (desk.folder / "ran").read_text())
    assert ["Tick"] * 2 == hours(desk)


@pytest.mark.parametrize(("late", "runs"), [("skip:10m", 0), ("skip:2h", 1), ("publish", 1)])
def test_late_runs(desk: Desk, late: str, runs: int) -> None:
    """A run that was missed by more than its grace is left out, and the next one comes at its time."""
    timer = desk.sky.commands.add("echo Hi", every="0 13 * * *", zone="UTC", folder=desk.folder, late=late)
    desk.clock.advance(3600 + 1800)
    desk.sky.run_once()
    assert ["Hi"] * runs == desk.published()
    assert datetime(2026, 11, 25, 13, tzinfo=UTC) == desk.sky.context.store.timers.get(timer.id).next_at


def test_try_stores_nothing(desk: Desk) -> None:
    """A try shows what would be posted and changes nothing; with posting it counts as the last output."""
    timer = watch(desk, "echo Hello", draft={"tags": ["t"]})
    tried = desk.sky.commands.try_run(timer.id)
    assert ("Hello", ["t"]) == (tried.printed, tried.posts[0].prepared.records[0]["tags"])
    assert ([], timer) == (desk.sky.posts.list(), desk.sky.context.store.timers.get(timer.id))
    result, ids = desk.sky.commands.run(timer.id)
    assert ("posted", 1) == (result.outcome, len(ids))
    assert ["Hello"] == hours(desk)
    assert "same" == desk.sky.context.store.timers.get(timer.id).outcome


def test_removed(desk: Desk) -> None:
    """A watch that was removed runs no more; its posts stay."""
    timer = watch(desk, "date")
    hours(desk)
    desk.sky.commands.remove(timer.id)
    assert 1 == len(hours(desk, 2))


@pytest.mark.parametrize(
    "options",
    [
        {"command": " "},
        {"command": "\udce9"},
        {"every": "whenever"},
        {"zone": "Europe/Nowhere"},
        {"timeout_seconds": 0},
        {"max_bytes": 10**9},
        {"late": "hold"},
        {"draft": {"txet": "x"}},
    ],
)
def test_nonsense_is_refused(desk: Desk, options: dict[str, Any]) -> None:
    """A watch that could not run is refused when it is added."""
    arguments = {"command": "date", "every": HOURLY, **options}
    with pytest.raises(InputError):
        desk.sky.commands.add(arguments.pop("command"), **arguments)
    assert [] == desk.sky.commands.list()


def test_in_a_running_worker(tmp_path: Path) -> None:
    """A worker that runs all the time runs commands when they are due, beside its other work."""
    desk = Desk(tmp_path, SYSTEM_CLOCK)
    timer = watch(desk, "echo Hello")
    now = SYSTEM_CLOCK.now()
    desk.sky.context.store.timers.move(timer, now.replace(minute=0, second=0, microsecond=0))
    arrived = threading.Event()

    def log(event: str, **facts: Any) -> None:
        if event == "published":
            arrived.set()

    worker = desk.sky.worker(log=log)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        assert arrived.wait(PATIENCE_SECONDS)
    finally:
        worker.stop()
        thread.join()
        desk.close()
    assert ["Hello"] == desk.published()
