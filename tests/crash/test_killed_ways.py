"""A worker is killed at each step while a hook's message becomes a post, or a function, command or address answers:
each message makes one post and each mention gets one answer, in two turns at the latest; also from a backup.

The steps are those that a worker took which nobody killed. The same walk finds doubles of each kind where the server
chooses the keys of records: see the control.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.config import load_config
from skywrite.features.hooks.service import Believed
from skywrite.sandbox import Sandbox
from tests.crash.killing import Step, run_killed, steps_in
from tests.crash.workers import fork_server
from tests.support.chance import NIGHTLY
from tests.support.strangers import ANSWERING, Stranger

# A push kills at some of the steps, each kind of work at others.
STRIDE = 1 if NIGHTLY else 9
# At night, also when a step is taken again in the same turn.
COUNTS = 3 if NIGHTLY else 1
SENT = count()
# Each time in other words: what makes a message the same one is its number alone.
PROGRAM = """
import json, pathlib
from skywrite import Skywrite
from skywrite.features.hooks.service import Believed

sky = Skywrite()
number, words = json.loads((pathlib.Path(__file__).parent / "message.json").read_text())
sky.hooks.take(Believed(sky.hooks.get("shop"), f"order-{number}", True), {"number": number, "words": words})

@sky.on_mention
def nothing(item):
    return None
"""


class Place:
    """A network, and its time."""

    def __init__(self, box: Sandbox, folder: Path) -> None:
        self.box, self.clock, self.folder = box, SYSTEM_CLOCK, folder
        self.environ = {
            "SKYWRITE_HOME": str(folder),
            "SKYWRITE_PLC_URL": box.plc_url,
            "SKYWRITE_VIDEO_SERVICE": "",
            "SKYWRITE_FETCH_ALLOW": "127.0.0.1",
        }
        with self.opened() as sky:
            sky.accounts.login("bot.test", box.account("bot.test").app_password, pds=box.url)
            most = dict.fromkeys(("answers_per_minute", "answers_per_day", "answers_per_person"), 10_000)
            sky.accounts.set("bot.test", {"answers": "on", "catch_up_gap_seconds": 0, **most})

    def opened(self, database: str = "") -> Skywrite:
        """The queue, or a copy of it."""
        return Skywrite(config=load_config({**self.environ, **({"SKYWRITE_DATABASE": database} if database else {})}))

    def run(self, *, at: Step | None = None, wrongly: str = "", steps: Path | None = None) -> bool:
        """One turn of a worker; whether it was killed."""
        app = ("--app", self.folder / "app.py") if (self.folder / "app.py").exists() else ()
        words = ("run", "--once", *app, "--log", "none")
        output = self.folder / "output"
        ended = run_killed(fork_server(), words, self.environ, output, point=at or 0, wrongly=wrongly, steps=steps)
        # 4: what the worker that was killed has claimed is left for another turn.
        assert ended.killed or ended.code in (0, 4), ended.printed
        return ended.killed

    def found(self) -> Counter[str]:
        """How often each number was posted."""
        return Counter(post.text.partition(" ")[0] for post in self.box.posts("bot.test"))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """A network that other processes reach, and a bot in it."""
    with Sandbox(accounts=["bot.test"]) as box:
        yield Place(box, tmp_path)


@pytest.fixture
def address() -> Iterator[str]:
    """An address that answers with the word that it got, in other words each time."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            item = json.loads(self.rfile.read(int(self.headers["content-length"])))["data"]
            body = f"{item['text'].split()[-1]} the {next(SENT)}th time".encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


def hook(place: Place, address: str) -> Callable[[int], None]:
    """A hook that publishes; its messages come with each turn of a worker until they are taken."""
    with place.opened() as sky:
        sky.hooks.add("shop", template="{{ number }} {{ words }}", kind="secret", publish=True)
    (place.folder / "app.py").write_text(PROGRAM)

    def send(number: int) -> None:
        (place.folder / "message.json").write_text(json.dumps([number, f"the {next(SENT)}th time"]))

    return send


def function(place: Place, address: str) -> Callable[[int], None]:
    """A program's function that answers who tags the bot."""
    (place.folder / "app.py").write_text(ANSWERING)
    return mentions(place, "@you: {}")


def command(place: Place, address: str) -> Callable[[int], None]:
    """A command that answers who tags the bot."""
    with place.opened() as sky:
        sky.ways.add_command('echo "$(jq -r ".words[-1]") $(date +%N)"', folder=place.folder)
    return mentions(place)


def webhook(place: Place, address: str) -> Callable[[int], None]:
    """An address that answers who tags the bot."""
    with place.opened() as sky:
        sky.ways.add_webhook(address)
    return mentions(place)


def mentions(place: Place, words: str = "@you please {}") -> Callable[[int], None]:
    """Somebody who tags the bot, once for each number."""
    place.run()
    carol, did, sent = Stranger(place, "carol.test"), place.box.account("bot.test").did, set[int]()  # type: ignore[arg-type]

    def send(number: int) -> None:
        if number not in sent:
            carol.tag(words.format(number), did)
            sent.add(number)

    return send


Way = Callable[[Place, str], Callable[[int], None]]
WAYS: list[Way] = [function, hook, command, webhook]
TURNS = 2
# What each walk comes by, whatever else there is: it claims and asks, records, publishes, and settles.
PUBLISHED = {"change take_posts", "before record", "after record", "change settle_published"}
ANSWERED = {"change lease_unhandled", "before the question", "change answer_inbox_by_function", *PUBLISHED}
WALKED: dict[Way, set[str]] = {
    function: ANSWERED,
    hook: {"change insert_posts", "change note_hook", *PUBLISHED},
    command: {"change note_way", *ANSWERED},
    webhook: {"before request /", "after request /", "change note_way", *ANSWERED},
}


def steps_of(place: Place, send: Callable[[int], None], *, wrongly: str = "") -> list[tuple[int, Step]]:
    """The steps of the turn that answers and of the one that publishes, in their order, with the number of the turn.

    Those that both of two messages took: what is done once an hour is no part of either.
    """
    taken: list[list[tuple[int, Step]]] = []
    for number in (-1, -2):
        send(number)
        taken.append([])
        for turn in range(TURNS):
            file = place.folder / f"steps{number}-{turn}"
            place.run(wrongly=wrongly, steps=file)
            taken[-1] += [(turn, step) for step in steps_in(file) if step.count <= COUNTS]
    return [one for one in taken[0] if one in taken[1]]


def killed_at(
    place: Place, send: Callable[[int], None], number: int, turn: int, step: Step, *, wrongly: str = ""
) -> bool:
    """Whether a worker was killed at a step of this turn; two others follow."""
    killed = False
    for now in range(turn + TURNS + 1):
        send(number)
        killed |= place.run(at=step if now == turn else None, wrongly=wrongly)
    return killed


@pytest.mark.parametrize("way", WAYS)
def test_each_is_posted_once(place: Place, address: str, way: Way) -> None:
    """Wherever a worker was killed, in other words each time."""
    send = way(place, address)
    steps = steps_of(place, send)
    chosen = steps[WAYS.index(way) :: STRIDE]
    missed = [step for number, (turn, step) in enumerate(chosen) if not killed_at(place, send, number, turn, step)]
    assert ([], {1}, len(chosen) + 2) == (missed, set(place.found().values()), len(place.found()))
    assert WALKED[way] <= {step.name for _, step in steps}


@pytest.mark.parametrize("way", WAYS)
def test_keys_of_the_server_double(place: Place, address: str, way: Way) -> None:
    """The control: without keys of our own, the same kills make a second post, of each kind."""
    send, wrongly = way(place, address), "let_the_server_choose_keys"
    steps = steps_of(place, send, wrongly=wrongly)
    last = next(one for one in steps if one[1].name == "after record")
    assert killed_at(place, send, 0, *last, wrongly=wrongly)
    assert {"0": 2, "-1": 1, "-2": 1} == place.found()


def test_a_restored_backup_posts_nothing_twice(place: Place, address: str) -> None:
    """A message and a mention that were dealt with after the backup find their posts again, in other words."""
    send = command(place, address)
    with place.opened() as sky:
        sky.hooks.add("shop", template="{{ number }} {{ words }}", kind="secret", publish=True)
    backup = place.folder / "backup.db"
    shutil.copy(place.folder / "skywrite.db", backup)
    send(7)
    for database in ("", str(backup)):
        with place.opened(database) as sky:
            message = {"number": 8, "words": f"the {next(SENT)}th time"}
            sky.hooks.take(Believed(sky.hooks.get("shop"), "order-8", True), message)
            for _ in range(2):
                sky.run_once()
            states = [post.state for post in sky.context.store.listing.all_posts()]
        assert (["published"] * 2, {"7": 1, "8": 1}) == (states, dict(place.found()))
