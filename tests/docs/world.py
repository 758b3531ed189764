"""What a page runs in: a home of its own, a shell, a sandbox in the place of bsky.social, and the time that it shows.

What lives here: the world of one page, and how a block is typed into it. What does not: what a page needs besides
(`pages`), and the programs that are not here (`elsewhere`).
"""

from __future__ import annotations

import io
import os
import pty
import select
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, chdir, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from PIL import Image

from skywrite import Client, Skywrite
from skywrite.core.clock import SystemClock
from skywrite.protocol.atproto.repo import Repo, Write
from skywrite.protocol.media.ffmpeg import find_ffmpeg
from skywrite.sandbox import Sandbox
from tests.docs import elsewhere, zygote
from tests.support import zygote as forking
from tests.support.processes import PATIENCE_SECONDS

HANDLE = "alice.bsky.social"
FRIEND = "bob.bsky.social"
PASSWORD = "xxxx-xxxx-xxxx-xxxx"
QUOTED = "3kznmn7xqxl22"
# The day of what the guide shows, a Tuesday, at noon in Berlin.
NOW = datetime(2026, 11, 24, 11, 0, 5, tzinfo=UTC)
ZONE = "Europe/Berlin"
QUESTION = b"]: "
_TERMINAL_COLUMNS = 160
_KEPT = ("LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "PYTHONHASHSEED")


@dataclass
class Ran:
    """How something ended, and what it printed."""

    code: int
    out: str
    err: str = ""


@dataclass
class World:
    """One page's world."""

    base: Path
    address: Path
    box: Sandbox
    stack: ExitStack
    handles: tuple[str, ...]
    # What is made when it is first asked for: the reference PDS, a database of PostgreSQL.
    more: Callable[[str], Any]
    environ: dict[str, str] = field(default_factory=dict)
    # What the page names, and what stands for it here; later ones come first.
    places: dict[str, str] = field(default_factory=dict)
    names: dict[str, Any] = field(default_factory=dict)
    # What one step leaves for a later one.
    kept: dict[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        """Where the page's commands are typed."""
        return self.base / "work"

    @property
    def home(self) -> Path:
        """The home of whoever types them."""
        return self.base / "home"

    def here(self, text: str) -> str:
        """The same text with what stands for the page's places here."""
        for name, local in reversed(self.places.items()):
            text = text.replace(name, local)
        return text

    def there(self, text: str) -> str:
        """What came, with the page's own names."""
        for name, local in reversed(self.places.items()):
            text = text.replace(local, name)
        return text

    def set_clock(self, now: datetime, *, stands: bool = False) -> None:
        """Let it be this time, here and in every command from now on; a clock that stands shows it to the second."""
        self.environ[zygote.BEHIND] = str((datetime.now(UTC) - now).total_seconds())
        if stands:
            self.environ[zygote.STANDS] = now.isoformat()
        zygote.set_back(self.environ)

    def bash(self, code: str, *, answers: Sequence[str] | None = None) -> Ran:
        """Type a block; with `answers` on a terminal, where somebody gives them, one to each question."""
        words = ["bash", "-e", "-o", "pipefail", "-c", self.here(code)]
        if answers is not None:
            return self._on_a_terminal(words, answers)
        done = subprocess.run(
            words,
            cwd=self.folder,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        return Ran(done.returncode, self.there(done.stdout), self.there(done.stderr))

    def _on_a_terminal(self, words: list[str], answers: Sequence[str]) -> Ran:
        near, far = pty.openpty()
        process = subprocess.Popen(words, cwd=self.folder, env=self.environ, stdin=far, stdout=far, stderr=far)
        os.close(far)
        seen, left = b"", list(answers)
        with suppress(OSError):
            while select.select([near], [], [], PATIENCE_SECONDS)[0] and (piece := os.read(near, 4096)):
                seen += piece
                if left and seen.endswith(QUESTION):
                    os.write(near, f"{left.pop(0)}\n".encode())
        os.close(near)
        return Ran(process.wait(PATIENCE_SECONDS), self.there(seen.decode()))

    def python(self, code: str, name: str) -> str:
        """Run lines of Python after those that ran before, and return what they print."""
        printed = io.StringIO()
        with self.inside(), redirect_stdout(printed):
            exec(compile(self.here(code), name, "exec"), self.names)
        for value in self.names.values():
            # A script may leave it to the end of the program to close what it opened.
            if isinstance(value, Skywrite):
                self.stack.callback(value.close)
        return self.there(printed.getvalue())

    @contextmanager
    def inside(self) -> Iterator[None]:
        """This process in the page's folder, with its environment, where a worker does what is due and ends."""
        once = patch.object(Skywrite, "run", Skywrite.run_once)
        # The zone is remembered for the whole process.
        zone = patch("tzlocal.unix._cache_tz_name", None)
        with patch.dict(os.environ, self.environ, clear=True), chdir(self.folder), once, zone:
            yield


@contextmanager
def world(
    base: Path,
    address: Path,
    files: Path,
    more: Callable[[str], Any],
    *,
    now: datetime | None,
    handles: tuple[str, ...],
) -> Iterator[World]:
    """The world of a page."""
    for name in ("home", "bin"):
        (base / name).mkdir()
    shutil.copytree(files, base / "work")
    with ExitStack() as stack:
        stack.enter_context(patch.object(SystemClock, "now", SystemClock.now))
        for module, name, other in zygote.elsewhere_unknown():
            stack.enter_context(patch.object(module, name, other))
        box = stack.enter_context(Sandbox(accounts=handles))
        for handle in handles:
            next(iter(box.account(handle).app_passwords.values())).password = PASSWORD
        world = World(base, address, box, stack, handles, more)
        world.environ = {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "PATH": f"{base / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": str(world.home),
            "TERM": "dumb",
            "TZ": ZONE,
            "COLUMNS": str(_TERMINAL_COLUMNS),
            "BLUESKY_PDS": box.url,
            "BLUESKY_HANDLE": handles[0],
            "BLUESKY_APP_PASSWORD": PASSWORD,
            "SKYWRITE_PLC_URL": box.plc_url,
            "SKYWRITE_APPVIEW": box.url,
            "SKYWRITE_VIDEO_SERVICE": "",
            "SKYWRITE_FETCH_ALLOW": "127.0.0.1",
        }
        if now is not None:
            world.set_clock(now)
        forking.client(base / "bin", address)
        elsewhere.stand_ins(base / "bin", base / "elsewhere")
        yield world


def put_post(world: World, handle: str, text: str = "Well", rkey: str = QUOTED, **more: Any) -> str:
    """A post of somebody, with the record key of the examples; its at-uri."""
    client = Client(world.box.url)
    client.login(handle, PASSWORD)
    value = {"$type": "app.bsky.feed.post", "text": text, "createdAt": "2026-01-01T00:00:00.000Z", **more}
    Repo(client.agent).create_all([Write.of("app.bsky.feed.post", rkey, value)])
    return f"at://{world.box.account(handle).did}/app.bsky.feed.post/{rkey}"


def fill_folder(folder: Path) -> None:
    """The files that the pages name."""
    for name, colour in (("sun.jpg", "yellow"), ("chart.png", "blue")):
        Image.new("RGB", (160, 90), colour).save(folder / name)
    frames = [Image.new("L", (32, 32), shade) for shade in (0, 255)]
    frames[0].save(folder / "dance.gif", save_all=True, append_images=frames[1:], duration=200, loop=0)
    video = ["-f", "lavfi", "-i", "testsrc=duration=1:size=64x48:rate=5", "-pix_fmt", "yuv420p"]
    ffmpeg = [find_ffmpeg("the example"), "-loglevel", "error", "-y", *video, str(folder / "talk.mp4")]
    subprocess.run(ffmpeg, check=True, stdin=subprocess.DEVNULL)
    (folder / "talk.vtt").write_text("WEBVTT\n\n00:00.000 --> 00:01.000\nHello\n")
    (folder / "story.txt").write_text("A sentence of some length, again and again. " * 20 + "\n---\nThe end.\n")
    (folder / "tips.txt").write_text("Drink water.\n---\nStand up.\n")
    (folder / "plan.csv").write_text(
        'text,at,images,alts\n"Hello, all",2030-01-05T09:00:00Z,sun.jpg,The sun\nNext,,,\n'
    )
    (folder / "theirs.csv").write_text("Message,Post date,Network\nFrom elsewhere,2030-01-06T09:00:00Z,x\n")
