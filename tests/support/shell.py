"""Fixtures for tests of the command line: a shell that is signed in to a sandbox, and media to post."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from skywrite.core.clock import SystemClock
from skywrite.posting.publish import outcome
from skywrite.protocol.media.ffmpeg import find_ffmpeg
from skywrite.sandbox import Sandbox
from tests.support.canaries import canary, guard_app_password, secrets_in
from tests.support.processes import PATIENCE_SECONDS, SKYWRITE, skywrite

ENVIRONMENT: tuple[str, ...] = (
    "SKYWRITE_DATABASE",
    "SKYWRITE_KEY",
    "SKYWRITE_KEYRING",
    "SKYWRITE_FETCH_ALLOW",
    "SKYWRITE_DEBUG",
)
ENVIRONMENT += ("BLUESKY_HANDLE", "BLUESKY_APP_PASSWORD", "BLUESKY_PDS", "EDITOR", "VISUAL")
PROCESS_SECONDS = 240
LARGE_VIDEO_BYTES = 400_000_000


@dataclass(frozen=True)
class Told:
    """The output and exit code of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON value on standard output."""
        return json.loads(self.out)


class Shell:
    """`skywrite ...` against a sandbox, in this process; `process` runs a real one."""

    def __init__(
        self, box: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        self.box, self.home = box, home
        self._monkeypatch, self._capsys = monkeypatch, capsys
        for name in ENVIRONMENT:
            monkeypatch.delenv(name, raising=False)
        self.set(SKYWRITE_HOME=str(home), SKYWRITE_PLC_URL=box.plc_url, SKYWRITE_VIDEO_SERVICE="")
        monkeypatch.setattr(SystemClock, "wait", _no_waiting)
        monkeypatch.setattr(outcome, "FIRST_RETRY_SECONDS", 0.01)

    def set(self, **environ: str) -> None:
        """Set environment variables."""
        for name, value in environ.items():
            self._monkeypatch.setenv(name, value)

    def unset(self, *names: str) -> None:
        """Remove environment variables."""
        for name in names:
            self._monkeypatch.delenv(name, raising=False)

    def __call__(self, *words: str, stdin: bytes = b"", code: int | None = 0) -> Told:
        """Run a command; it must end with `code` (None: any). Its output must not contain a secret."""
        from skywrite.faces.cli.main import main

        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(list(words))
        out, err = self._capsys.readouterr()
        told = Told(int(ended.value.code or 0), out, err)
        return self._checked(told, words, code)

    def process(
        self,
        *words: str | bytes,
        stdin: bytes = b"",
        code: int | None = 0,
        wrapper: Sequence[str] = (),
        before: Callable[[], None] | None = None,
        **environ: str,
    ) -> Told:
        """Run a real process, with additional environment variables; `before` runs in it before Python starts."""
        everything = {**os.environ, **environ}
        if not wrapper and before is None and all(isinstance(word, str) for word in words):
            done = skywrite(*map(os.fsdecode, words), environ=everything, stdin=stdin)
        else:
            command = [*wrapper, sys.executable, *SKYWRITE, *words]
            done = subprocess.run(
                command,
                input=stdin,
                capture_output=True,
                env=everything,
                timeout=PROCESS_SECONDS,
                preexec_fn=before,
                check=False,
            )
        told = Told(done.returncode, done.stdout.decode(), done.stderr.decode())
        return self._checked(told, words, code)

    def python(self, script: str, **environ: str) -> Told:
        """Run Python code in its own process, with additional environment variables."""
        command = [sys.executable, "-c", script]
        done = subprocess.run(
            command, capture_output=True, env={**os.environ, **environ}, timeout=PATIENCE_SECONDS, check=False
        )
        return self._checked(Told(done.returncode, done.stdout.decode(), done.stderr.decode()), (script,), None)

    def _checked(self, told: Told, words: Sequence[str | bytes], code: int | None) -> Told:
        assert [] == secrets_in(told.out + told.err)
        assert code is None or told.code == code, f"{words} ended with {told.code}:\n{told.out}\n{told.err}"
        return told

    def login(self, handle: str = "alice.test", *more: str) -> Told:
        """Sign an account of the sandbox in with its app password."""
        password = self.box.account(handle).app_password
        words = ("login", handle, "--pds", self.box.url, "--app-password-stdin", *more)
        return self(*words, stdin=f"{password}\n".encode())

    def posts(self, handle: str = "alice.test") -> list[str]:
        """The texts on the network."""
        return [post.text for post in self.box.posts(handle)]


def _no_waiting(self: SystemClock, event: threading.Event, timeout_seconds: float) -> bool:
    """Waits in tests end at once."""
    return event.is_set()


@pytest.fixture
def signed_out(
    skywrite_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Shell:
    """A shell whose home is empty; the sandbox knows alice.test and bob.test."""
    for handle in ("alice.test", "bob.test"):
        account = skywrite_sandbox.account(handle)
        account.password = canary()
        guard_app_password(account.app_password)
    return Shell(skywrite_sandbox, tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def shell(signed_out: Shell) -> Shell:
    """A shell where alice.test is signed in."""
    signed_out.login()
    return signed_out


@pytest.fixture
def prepared(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Two accounts, a post in each state, a recurrence, and a folder with files that is the current one."""
    shell.login("bob.test")
    shell("accounts", "use", "alice.test")
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("USER", "berta")
    monkeypatch.setenv("TZ", "UTC")
    # It is remembered for the whole process.
    monkeypatch.setattr("tzlocal.unix._cache_tz_name", None)
    shell("post", "First", "--at", "2070-05-01 09:00 UTC")
    shell("post", "Bob's", "--at", "2070-05-02 09:00 UTC", "--account", "bob.test")
    shell("post", "An idea", "--draft")
    shell("post", "Published")
    shell("post", "Cancelled", "--at", "2070-05-03 09:00 UTC")
    shell("cancel", "5")
    shell("post", "Held", "--at", "2070-05-04 09:00 UTC")
    shell("hold", "6")
    shell("post", "Again", "--every", "daily 9:00")
    folder = tmp_path / "work"
    for name in ("posts", "broken", "empty"):
        (folder / name).mkdir(parents=True)
    (folder / "posts/a.md").write_text("---\nat: 2070-05-05 09:00\n---\nFrom a file\n")
    (folder / "broken/a.md").write_text("---\nfoo: 1\n---\nFrom a file\n")
    (folder / "plan.csv").write_text("text,at\nA row,2070-05-06T09:00:00Z\n")
    (folder / "bad.csv").write_text("text,at\nA row,2070-05-06T09:00:00Z\nAnother,whenever\n")
    (folder / "empty.csv").write_text("")
    (folder / "notes.txt").write_text("Only words.\n")
    (folder / "story.txt").write_text("The beginning.\n---\nThe end.\n")
    (folder / "sun.png").write_bytes(png(8, 8))
    monkeypatch.chdir(folder)
    return shell


@dataclass(frozen=True)
class Files:
    """Files to post. Each property makes its file on first use."""

    folder: Path

    def image(self, name: str = "image.png") -> str:
        """A small image."""
        return self._bytes(name, png(8, 8))

    @property
    def text_as_image(self) -> str:
        return self._bytes("notes.jpg", b"This is a text, whatever its name says.\n")

    @property
    def bomb(self) -> str:
        """An image of 169 megapixels in about 20 KB."""
        return self._bytes("bomb.png", png(13_000, 13_000))

    @property
    def video(self) -> str:
        """A video of half a second."""
        path = self.folder / "video.mp4"
        if not path.exists():
            command = [find_ffmpeg("test"), "-loglevel", "error", "-y", "-f", "lavfi"]
            command += ["-i", "testsrc=size=64x48:rate=10:duration=0.5", "-pix_fmt", "yuv420p", str(path)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        return str(path)

    @property
    def large_video(self) -> str:
        """A video of 400 MB, as a sparse file that takes hardly any disk space."""
        data = Path(self.video).read_bytes()
        head = struct.unpack_from(">I", data)[0]
        path = self.folder / "large.mp4"
        with path.open("wb") as file:
            file.write(data[:head] + struct.pack(">I4sQ", 1, b"mdat", LARGE_VIDEO_BYTES + 16))
            file.seek(LARGE_VIDEO_BYTES, io.SEEK_CUR)
            file.write(data[head:])
        return str(path)

    def text(self, name: str, content: str | bytes) -> str:
        """A file with this content."""
        return self._bytes(name, content if isinstance(content, bytes) else content.encode())

    def _bytes(self, name: str, data: bytes) -> str:
        path = self.folder / name
        path.write_bytes(data)
        return str(path)


@pytest.fixture
def files(tmp_path: Path) -> Files:
    """Files to post."""
    folder = tmp_path / "files"
    folder.mkdir()
    return Files(folder)


def png(width: int, height: int) -> bytes:
    """A black image with one bit a pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = bytes((width + 7) // 8 + 1) * height
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    pixels = zlib.compress(rows, 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")
