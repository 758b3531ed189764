"""SIGTERM while everything hangs: the process ends soon, and loses nothing."""

from __future__ import annotations

import json
import shlex
import signal
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from skywrite.app import Skywrite
from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.config import load_config
from skywrite.core.errors import SkywriteError
from skywrite.core.http import Http
from skywrite.protocol.atproto.sign_in import create_session
from skywrite.queue.marks import COUNTS, Marks, ToMark
from skywrite.queue.model import STATES
from skywrite.queue.webhooks import Webhooks
from skywrite.sandbox import Sandbox
from tests.support.processes import PATIENCE_SECONDS, Child, python_child

FEED = (
    b"<?xml version='1.0'?><rss version='2.0'><channel><title>F</title><link>http://127.0.0.1/</link>"
    b"<item><title>One</title><link>http://127.0.0.1/1</link><guid>1</guid></item></channel></rss>"
)
# What each kind asks for while it hangs: a part of the first line of its request.
ASKED = {
    "posts": "applyWrites",
    "uploads": "uploadBlob",
    "feeds": "/feed.xml",
    "timers": "/command",
    "look-ups": "/page",
    "follow-ups": "collection=app.bsky.feed.post&",
    "sessions": "refreshSession",
    "webhooks": "/hook",
    "notices": "/smtp",
    "inbox": "listNotifications",
    "marks": "getPosts",
    "reposts": "app.bsky.feed.repost",
}

# Moments of a start: what Python reports about itself (`sys.audit`), and a part of what it names.
MOMENTS = {
    "run": (
        ("import", "skywrite.app.posts"),
        ("sqlite3.connect", ""),
        ("import", "skywrite.posting.publish.timekeeper"),
    ),
    "serve": (("import", "uvicorn"), ("sqlite3.connect", ""), ("socket.bind", ""), ("import", "skywrite.app.runner")),
}
# The command line, which gets SIGTERM from itself at such a moment.
STARTING = """
import signal, sys
from skywrite.faces.cli.main import main
moment, part, *words = sys.argv[1:]
told = []
def tell(event, arguments):
    if not told and event == moment and part in str(arguments[:1]):
        told.append(event)
        signal.raise_signal(signal.SIGTERM)
sys.addaudithook(tell)
main(words)
"""


class Silent:
    """A server that reads requests and answers none of them, once `hangs` is set; `asked` are their first lines.

    `only`: a part of those that it does not answer; whoever asks for anything else gets the same page, whatever it is.

    With a name it is a mail server, which greets, and says nothing after that.
    """

    def __init__(self, name: str = "") -> None:
        self.hangs = False
        self.only = ""
        self.asked: list[str] = []
        self._name = name
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self._open: list[socket.socket] = []
        self.port = self._listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self._open.append(connection)
                if self._name:
                    self.asked.append(self._name)
                    connection.sendall(b"220 here\r\n")
                    if self.only not in self._name:
                        connection.close()
                        continue
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError):
            head = connection.recv(65_536)
            line = head.partition(b"\r\n")[0].decode("latin-1")
            self.asked.append(line)
            if not (self.hangs and self.only in line):
                # A connection that stays open would swallow the next request, which nobody reads.
                kind = f"content-type: text/xml\r\ncontent-length: {len(FEED)}\r\nconnection: close"
                connection.sendall(f"HTTP/1.1 200 OK\r\n{kind}\r\n\r\n".encode() + FEED)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass
                connection.close()

    def close(self) -> None:
        for one in (self._listening, *self._open):
            with suppress(OSError):
                # Only this wakes a thread that waits for it.
                one.shutdown(socket.SHUT_RDWR)
            one.close()


class Place:
    """A queue in which every kind of work has something to do, all of which hangs."""

    def __init__(self, folder: Path, box: Sandbox, silent: Silent, mail: Silent) -> None:
        self.box, self.silent, self.mail = box, silent, mail
        self.environ = {
            "SKYWRITE_HOME": str(folder),
            "SKYWRITE_PLC_URL": box.plc_url,
            "SKYWRITE_VIDEO_SERVICE": "",
            "SKYWRITE_APPVIEW": silent.url,
            "SKYWRITE_FETCH_ALLOW": "127.0.0.1",
        }

    @contextmanager
    def opened(self) -> Iterator[Skywrite]:
        with Skywrite(config=load_config(self.environ)) as sky:
            yield sky

    def fill(self, image: str) -> None:
        """Give each kind something to do, then let the servers fall silent."""
        with self.opened() as sky:
            sessions = {}
            for name in ("posts", "uploads", "follow-ups", "sessions", "inbox", "reposts"):
                handle = f"{name}.test"
                password = self.box.account(handle).app_password or ""
                sessions[name] = create_session(Http(), self.box.url, handle, password)
                sky.context.store.accounts.sign_in(sessions[name])
            sent = sky.post("To be followed", account="follow-ups.test")
            assert sent.id is not None
            self._fill(sky, sent.id, image)
            for session in sessions.values():
                sky.context.store.accounts.sign_in(session.moved_to(self.silent.url))
            past = SYSTEM_CLOCK.now() - timedelta(days=40)
            _set(
                sky, "UPDATE account SET session_refreshed_at = :past WHERE handle = 'sessions.test' RETURNING 1", past
            )
            _set(sky, "UPDATE feed SET next_check_at = :past, ready_at = :past RETURNING 1", past)
            minute = SYSTEM_CLOCK.now().replace(second=0, microsecond=0) - timedelta(minutes=1)
            _set(sky, "UPDATE timer SET next_at = :past RETURNING 1", minute)
            hours_ago = SYSTEM_CLOCK.now() - timedelta(hours=7)
            _set(sky, "UPDATE post SET updated_at = :past WHERE state = 'published' RETURNING 1", hours_ago)
        self.silent.hangs = self.mail.hangs = True

    def _fill(self, sky: Skywrite, sent: int, image: str) -> None:
        sky.schedule("Post", at="now", account="posts.test", late="publish")
        sky.schedule("Upload", at="now", account="uploads.test", images=[image], late="publish")
        sky.feeds.add(f"{self.silent.url}/feed.xml", accounts=["posts.test"])
        # A command may do what it likes: this one asks a server that hangs.
        ask = f"import urllib.request; urllib.request.urlopen('{self.silent.url}/command')"
        sky.commands.add(f"python3 -c {shlex.quote(ask)}", every="* * * * *", account="posts.test", late="publish")
        row = json.dumps({"text": "Looked up", "card": f"{self.silent.url}/page"})
        sky.commands.add(f"echo {shlex.quote(row)}", every="* * * * *", account="posts.test", jsonl=True)
        sky.follow_ups.add(sent, when="1 like", reply="Thank you")
        post = sky.context.store.posts.get(sent)
        counted = ToMark(sent, str(post.uri), post.account_did, 1, "x", SYSTEM_CLOCK.now())
        Marks(sky.context.store).note([(counted, {**dict.fromkeys(COUNTS, 0), "likes": 3}, [])])
        hook, _ = Webhooks(sky.context.store).add(f"{self.silent.url}/hook")
        Webhooks(sky.context.store).send_test(hook.id)
        mail = f"127.0.0.1:{self.mail.port}"
        sky.notices.add_email("me@a.example", sender="bot@a.example", server=mail, plain=True)
        held = sky.schedule("To be held", at="tomorrow 9:00", account="posts.test").post_id
        assert held is not None
        sky.posts.hold(held)
        sky.accounts.set("inbox.test", {"inbox": "yes"})
        sky.reposts.repost(sent, account="reposts.test")


def _set(sky: Skywrite, query: str, past: Any) -> None:
    store = sky.context.store
    with store.writing() as tx:
        tx.select(store.database.translate(query), {"past": past})


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Everything of it ends with the test."""
    box = Sandbox(accounts=[f"{name}.test" for name in ASKED if name not in ("marks", "look-ups")], clock=SYSTEM_CLOCK)
    box.start(0)
    silent, mail = Silent(), Silent("/smtp")
    yield Place(tmp_path, box, silent, mail)
    silent.close()
    mail.close()
    box.stop()


def kinds(place: Place) -> set[str]:
    """What hangs: the kinds of periodic work from the list that the worker has, posts, their files, and look-ups."""
    with place.opened() as sky:
        return {"posts", "uploads", "look-ups", *(work.kind for work in sky._runner().works())}


def missing(place: Place) -> set[str]:
    """The kinds that have not asked yet."""
    asked = [*place.silent.asked, *place.mail.asked]
    return {kind for kind, part in ASKED.items() if not any(part in line for line in asked)}


def stopped(place: Place, *command: str, wanted: Collection[str] = ASKED) -> Child:
    """A process in which everything that is wanted hangs, after SIGTERM."""
    with python_child("-m", "skywrite.faces.cli.main", *command, "--log", "json", environ=place.environ) as child:
        ends = SYSTEM_CLOCK.monotonic() + PATIENCE_SECONDS
        while missing(place) & set(wanted) and child.running and SYSTEM_CLOCK.monotonic() < ends:
            SYSTEM_CLOCK.wait(threading.Event(), 0.05)
        assert set() == missing(place) & set(wanted), child.output
        child.send(signal.SIGTERM)
        child.wait()
        return child


@pytest.mark.parametrize("command", [("run",), ("serve", "--port", "0")], ids=["run", "serve"])
def test_sigterm_ends_whatever_hangs_and_loses_nothing(
    place: Place, image: Callable[..., str], command: tuple[str, ...]
) -> None:
    """Posts, uploads, and all kinds of periodic work wait for servers that are silent: each is given up in time, kept
    for the next worker, and done once when the servers are back."""
    assert set(ASKED) == kinds(place)
    place.fill(image())
    place.silent.asked.clear()
    child = stopped(place, *command)
    left = [line for line in child.lines if "left_behind" in line]
    assert (0, [], []) == (child.wait(), left, place.box.posts("posts.test"))
    with place.opened() as sky:
        kept = {
            "posts": {post.text: post.state for post in sky.context.store.listing.posts(STATES)},
            "reposts": [action.state for action in sky.reposts.list()],
            "webhooks": {one.state for one in Webhooks(sky.context.store).deliveries(1)},
            "follow-ups": [one.state for one in sky.follow_ups.list()],
        }
        waits = {"Post": "scheduled", "Upload": "scheduled", "To be followed": "published", "To be held": "held"}
        assert {"posts": waits, "reposts": ["waiting"], "webhooks": {"waiting"}, "follow-ups": ["reached"]} == kept
        for name in ("posts", "uploads", "reposts"):
            password = place.box.account(f"{name}.test").app_password or ""
            sky.context.store.accounts.sign_in(create_session(Http(), place.box.url, f"{name}.test", password))
        for server in (place.silent, place.mail):
            server.close()
        with suppress(SkywriteError):
            sky.run_once(commands=False)
        reposts = len(place.box.records("reposts.test", "app.bsky.feed.repost"))
    texts = [post.text for name in ("posts", "uploads") for post in place.box.posts(f"{name}.test")]
    assert (["Post", "Upload"], 1) == (texts, reposts)


@pytest.mark.nightly
@pytest.mark.parametrize("command", [("run",), ("serve", "--port", "0")], ids=["run", "serve"])
@pytest.mark.parametrize("kind", ASKED)
def test_sigterm_ends_each_kind_that_hangs_alone(
    place: Place, image: Callable[..., str], kind: str, command: tuple[str, ...]
) -> None:
    """Nothing else keeps it from ending, and nothing else ends it: the others get pages that make no sense to them."""
    place.fill(image())
    place.silent.only = place.mail.only = ASKED[kind]
    place.silent.asked.clear()
    child = stopped(place, *command, wanted=[kind])
    left = [line for line in child.lines if "left_behind" in line]
    assert (0, [], []) == (child.wait(), left, place.box.posts("posts.test"))


@pytest.mark.parametrize(("command", "moment"), [(name, moment) for name, of in MOMENTS.items() for moment in of])
def test_sigterm_while_it_starts(tmp_path: Path, command: str, moment: tuple[str, str]) -> None:
    """Who asks before the worker and the server stand gets the same end: code 0, nothing said, nothing begun."""
    words = {"run": ("run", "--log", "none"), "serve": ("serve", "--port", "0", "--log", "none")}[command]
    with python_child("-c", STARTING, *moment, *words, environ={"SKYWRITE_HOME": str(tmp_path)}) as child:
        assert (0, "") == (child.wait(), child.output)
