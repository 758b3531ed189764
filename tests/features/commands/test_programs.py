"""Functions that give posts: registered without a database, called once for each of their times, errors told."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite import Skywrite
from skywrite.core.clock import FakeClock
from skywrite.core.errors import InputError, SkywriteError
from skywrite.faces.cli.running import load_app
from skywrite.posting.compose.draft import Draft
from tests.support.desk import NOON, Desk
from tests.support.errors import fails
from tests.support.processes import PATIENCE_SECONDS

HOURLY = "0 * * * *"


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    yield desk
    desk.close()


def later(desk: Desk, hours: int = 1, *apps: Skywrite) -> list[str]:
    """Let hours pass, run the workers once after each, and give what is on the network."""
    for _ in range(hours):
        desk.clock.advance(3600)
        for app in apps or (desk.sky,):
            app.run_once()
    return desk.published()


def test_registering_opens_nothing(tmp_path: Path) -> None:
    """A function is registered without a database, and it stays the function that it was."""
    sky = Skywrite(str(tmp_path / "none" / "skywrite.db"))

    @sky.every("0 9 * * *", zone="Europe/Berlin")
    def weather() -> str:
        return "It rains."

    assert ("It rains.", ["weather"], False) == (weather(), sky._functions.names(), (tmp_path / "none").exists())


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("A text", ["A text"]),
        ({"text": "A dict", "tags": ["t"]}, ["A dict"]),
        (Draft("A draft", langs=("en",)), ["A draft"]),
        (None, []),
        ("", []),
        (" \n", []),
        ({}, []),
    ],
)
def test_what_it_returns(desk: Desk, value: object, texts: list[str]) -> None:
    """A text, a dict and a Draft are posted; None and nothing are not."""
    desk.sky.every(HOURLY, name="giver")(lambda: value)
    desk.sky.run_once()
    assert texts == later(desk)
    assert [f"app:giver:{NOON + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"] * len(texts) == [
        entry.post.key for entry in desk.sky.posts.history()
    ]


def test_each_time_once_with_two_workers(desk: Desk) -> None:
    """Two workers with the same program post each occurrence once, and call the function once for it."""
    calls: list[str] = []

    def giver() -> str:
        calls.append("x")
        return f"Post {len(calls)}"

    apps = [desk.another() for _ in range(2)]
    for app in apps:
        app.every(HOURLY)(giver)
        app.run_once()
    for _ in range(3):
        desk.clock.advance(3600)
        ready = threading.Barrier(2)

        def work(app: Skywrite, ready: threading.Barrier = ready) -> None:
            ready.wait()
            app.run_once()

        threads = [threading.Thread(target=work, args=(app,)) for app in apps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for app in apps:
        app.close()
    assert (["Post 1", "Post 2", "Post 3"], 3) == (desk.published(), len(calls))


class AsideClock(FakeClock):
    """A clock whose helpers wait until they are woken."""

    def __init__(self) -> None:
        super().__init__(NOON)
        self.waiting: queue.Queue[float] = queue.Queue()
        self.woken = threading.Semaphore(0)

    def wait_aside(self, event: threading.Event, timeout_seconds: float) -> bool:
        self.waiting.put(timeout_seconds)
        while not self.woken.acquire(timeout=0.005):
            if event.is_set():
                return True
        return False


def test_a_slow_function_is_called_once(tmp_path: Path) -> None:
    """However long it takes, other workers leave it alone, and what it returns is posted."""
    clock = AsideClock()
    desk = Desk(tmp_path, clock)
    other = desk.another()
    calls: list[str] = []

    def slow() -> str:
        calls.append("x")
        seconds = clock.waiting.get(timeout=PATIENCE_SECONDS)
        for _ in range(6):
            clock.advance(seconds)
            clock.woken.release()
            seconds = clock.waiting.get(timeout=PATIENCE_SECONDS)
            other.run_once()
        return "Slow"

    for app in (desk.sky, other):
        app.every(HOURLY)(slow)
        app.run_once()
    assert (["Slow"], 1) == (later(desk), len(calls))
    assert NOON + timedelta(hours=1, seconds=1200) == clock.now()
    other.close()
    desk.close()


def test_after_a_restart(desk: Desk) -> None:
    """A program that is started again goes on where it was: nothing is posted twice, nothing begins anew."""
    for _ in range(4):
        app = desk.another()
        app.every(HOURLY, name="giver")(lambda: "Tick")
        app.run_once()
        app.run_once()
        app.close()
        desk.clock.advance(1800)
    assert ["Tick"] == desk.published()


def test_after_downtime_once_at_the_most(desk: Desk) -> None:
    """After two days without a worker one post is made up for; with a short grace none, and the next comes in time."""
    for name, late in (("daily", None), ("strict", "skip:10m")):
        desk.sky.every(HOURLY, name=name, late=late)(lambda name=name: name)
    desk.sky.run_once()
    desk.clock.advance(2 * 86_400 + 1800)
    desk.sky.run_once()
    assert ["daily"] == desk.published()
    desk.clock.advance(1800)
    desk.sky.run_once()
    assert ["daily", "daily", "strict"] == sorted(desk.published())


def raising() -> str:
    """A function with an error."""
    return str(1 / 0)


async def asynchronous() -> str:
    """A function that gives a coroutine."""
    return "x"


@pytest.mark.parametrize(
    ("giver", "error", "words"),
    [
        (raising, "function.failed", "ZeroDivisionError: division by zero (test_programs.py, line "),
        (lambda: 5, "function.failed", "type int"),
        (lambda: "x" * 301, "text.too_long", "301"),
        (lambda: {"txet": "x"}, "draft.invalid", "txet"),
        (lambda: {"text": "x", "images": ["gone.png"]}, "file.missing", "gone.png"),
    ],
)
def test_errors_are_reported_and_not_posted(desk: Desk, giver: Callable[[], Any], error: str, words: str) -> None:
    """A function with an error is logged and told by `watch list`, nothing is posted, and it is called again."""
    events: list[tuple[str, dict[str, Any]]] = []
    desk.sky.every(HOURLY, name="giver")(giver)
    desk.sky.run_once()
    desk.clock.advance(3600)
    desk.sky.run_once(log=lambda event, **facts: events.append((event, facts)))
    [timer] = desk.sky.commands.list()
    assert timer.problem is not None
    assert (error, True, NOON + timedelta(hours=2)) == (
        timer.problem.code,
        words in timer.problem.message,
        timer.next_at,
    )
    assert ([error], [], []) == (
        [facts["code"] for name, facts in events if "code" in facts],
        desk.published(),
        desk.sky.posts.list(),
    )


def test_functions_of_other_programs_are_left_alone(desk: Desk) -> None:
    """A worker without the program does not run its functions, and their time is not lost."""
    app = desk.another()
    app.every(HOURLY, name="giver")(lambda: "Hello")
    app.run_once()
    assert ([], ["Hello"]) == (later(desk), later(desk, 0) or _run(app, desk))
    app.close()


def _run(app: Skywrite, desk: Desk) -> list[str]:
    app.run_once()
    return desk.published()


def test_account_and_zone(desk: Desk) -> None:
    """A function posts as its account, at the times of its zone."""
    bob = desk.box.account("bob.test")
    desk.sky.accounts.login(bob.handle, bob.app_password, pds=desk.box.url)
    desk.sky.every("0 14 * * *", zone="Europe/Berlin", account="bob.test", name="giver")(lambda: "Hallo")
    desk.sky.run_once()
    later(desk)
    assert ([], ["Hallo"]) == (desk.published(), [post.text for post in desk.box.posts("bob.test")])


def test_call(desk: Desk) -> None:
    """A call out of turn posts at once and leaves the times as they are; a name that is none is told."""
    desk.sky.every(HOURLY, name="giver")(lambda: "Now")
    desk.sky.every(HOURLY, name="silent")(lambda: None)
    sent = desk.sky.call("giver")
    assert sent is not None
    assert (["Now"], None) == (desk.published(), desk.sky.call("silent"))
    with fails("function.unknown", match="nobody"):
        desk.sky.call("nobody")
    desk.sky.every(HOURLY, name="broken")(raising)
    with fails("function.failed", match="ZeroDivisionError"):
        desk.sky.call("broken")


@pytest.mark.parametrize(
    "options", [{"rule": "whenever"}, {"zone": "Mars/Olympus"}, {"late": "hold"}, {"late": "soon"}, {"name": "a b"}]
)
def test_nonsense_is_refused_when_it_is_registered(tmp_path: Path, options: dict[str, str]) -> None:
    """A rule, a zone, a policy or a name that is none is refused at once."""
    sky = Skywrite(str(tmp_path / "skywrite.db"))
    arguments = {"rule": HOURLY, **options}
    with pytest.raises(InputError):
        sky.every(arguments.pop("rule"), **arguments)(raising)


def test_unfit_functions_are_refused(tmp_path: Path) -> None:
    """Asynchronous functions, nameless ones, and two of one name are refused."""
    sky = Skywrite(str(tmp_path / "skywrite.db"))
    for giver in (asynchronous, lambda: "x"):
        with fails("program.invalid"):
            sky.every(HOURLY)(giver)
    sky.every(HOURLY)(raising)
    with fails("program.invalid", match="Two functions"):
        sky.every(HOURLY)(raising)


PROGRAM = """
from skywrite import Skywrite
{name} = Skywrite()
@{name}.every("0 * * * *")
def giver():
    return {{"text": "Hello"}}
"""


@pytest.mark.parametrize("name", ["sky", "app", "anything"])
def test_program_is_loaded(tmp_path: Path, name: str) -> None:
    """A program's Skywrite is found, whatever it is called; nothing is opened by that."""
    path = tmp_path / "bot.py"
    path.write_text(PROGRAM.format(name=name))
    app = load_app(path)
    assert (["giver"], tmp_path) == (app._functions.names(), app._functions._registered["giver"].folder)


def test_functions_of_all_are_taken(tmp_path: Path) -> None:
    """Where no Skywrite is called sky, the functions of all of them are taken; else those of sky."""
    path = tmp_path / "bot.py"
    two = PROGRAM.format(name="one") + PROGRAM.format(name="two").replace("giver", "other")
    path.write_text(two)
    assert ["giver", "other"] == load_app(path)._functions.names()
    path.write_text(two.replace("two", "sky"))
    assert ["other"] == load_app(path)._functions.names()


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("x = 1", "no Skywrite"),
        ("from skywrite import Skywrite\nsky = Skywrite()", "has no functions that post or answer"),
        ("def broken(:", "SyntaxError"),
        ("x = 1 / 0", "ZeroDivisionError: division by zero (bot.py, line 1)"),
        ("raise SystemExit(3)", "SystemExit"),
        ("import no_such_module_here", "ModuleNotFoundError"),
        (PROGRAM.format(name="sky").replace("0 * * * *", "whenever"), "whenever"),
    ],
)
def test_program_that_cannot_be_loaded(tmp_path: Path, program: str, words: str) -> None:
    """A program with an error is told with its file and line."""
    path = tmp_path / "bot.py"
    path.write_text(program)
    with pytest.raises(SkywriteError) as caught:
        load_app(path)
    assert words in caught.value.message


def test_missing_program(tmp_path: Path) -> None:
    """A program that is not there is told."""
    with fails("program.invalid", match="no program"):
        load_app(tmp_path / "bot.py")
