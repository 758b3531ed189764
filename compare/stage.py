"""Where the program is run: a folder, a clock that stands still, a sandbox; each run in a child that is forked off.

What lives here: running one command or one server with the same beginning each time. A child has a copy of everything:
of the files, and of the sandbox, which is part of the process that is forked. What does not: what is run.
"""

from __future__ import annotations

import gc
import json
import os
import shutil
import signal
import socket
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from filecmp import cmp
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from compare import inner

PATIENCE_SECONDS = 120
LOOK_SECONDS = 0.005
COLUMNS = "100"
HANDLES = ("alice.test", "bob.test", "carol.test", "dave.test")
COLLECTIONS = (
    *("app.bsky.feed.post", "app.bsky.feed.repost", "app.bsky.feed.like", "app.bsky.feed.threadgate"),
    *("app.bsky.feed.postgate", "app.bsky.actor.profile"),
)
# Programs that would say something about this computer, or start something; here they fail in silence.
PROGRAMS = ("skywrite", "systemctl", "loginctl", "crontab", "xdg-open")
# Five digits, as the system's own have, so that lines break at the same places; each is given once.
_ports = iter(range(20_000 + os.getpid() * 7 % 5000, 32_000))


class Ran(NamedTuple):
    """What a command did; `network` is what reached the sandbox, `files` what it wrote."""

    code: int
    out: str
    err: str
    network: str = ""
    files: str = ""


class Unplayable(Exception):
    """Something that has to work for a recording does not."""


def free_port() -> int:
    """A port of 127.0.0.1 that no outgoing connection takes."""
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return port
    raise Unplayable("no port is free")


class Stage:
    """A folder with `home` (the program's) and `work` (where commands are run), the time, and the sandbox."""

    def __init__(self, folder: Path, source: Path, *, now: datetime) -> None:
        self.folder, self.source, self.now = folder, source, now
        self.home, self.work, self.kept = folder / "home", folder / "work", folder / "kept"
        for each in (self.home, self.work, self.kept, folder / "bin", folder / "user"):
            each.mkdir()
        for program in PROGRAMS:
            (folder / "bin" / program).write_text("#!/bin/sh\nexit 1\n")
            (folder / "bin" / program).chmod(0o755)
        inner.load_everything()
        inner.set_clock(lambda: self.now)
        # What is here already is never garbage: no child looks through it, and none has to copy it.
        gc.freeze()
        from skywrite.sandbox import Sandbox

        self.box = Sandbox(jwt_secret="compare")
        self.port, self.server_port = free_port(), free_port()
        self.environ = {
            "SKYWRITE_HOME": str(self.home),
            "SKYWRITE_PLC_URL": f"http://localhost:{self.port}/plc",
            "SKYWRITE_APPVIEW": f"http://localhost:{self.port}",
            "SKYWRITE_VIDEO_SERVICE": "",
            "SKYWRITE_FETCH_ALLOW": "127.0.0.1",
            "BLUESKY_PDS": f"http://localhost:{self.port}",
            "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
            "HOME": str(folder / "user"),
            "USER": "user",
            "LOGNAME": "user",
            "SHELL": "/bin/sh",
            "TERM": "dumb",
            "TZ": "UTC",
            "LANG": "C.UTF-8",
            "COLUMNS": COLUMNS,
            "PYTHONHASHSEED": "0",
        }

    @property
    def names(self) -> dict[str, str]:
        """The words of this run alone."""
        return {
            str(self.home): "<home>",
            str(self.work): "<work>",
            str(self.folder): "<folder>",
            str(self.source): "<source>",
            sys.executable: "<python>",
            sys.prefix: "<environment>",
        }

    def keep(self) -> None:
        """From now on each run begins with the files as they are."""
        for name in ("home", "work"):
            shutil.rmtree(self.kept / name, ignore_errors=True)
            shutil.copytree(self.folder / name, self.kept / name, symlinks=True)

    def restore(self) -> None:
        """The files as they were kept."""
        for name in ("home", "work"):
            shutil.rmtree(self.folder / name)
            shutil.copytree(self.kept / name, self.folder / name, symlinks=True)

    def fill(self, *words: str, standard_input: str = "", may_fail: bool = False) -> Ran:
        """Run a command whose effects stay. Raises Unplayable if it fails."""
        ran = self._run(lambda: _command(words), standard_input, stays=True)
        if ran.code and not may_fail:
            raise Unplayable(f"skywrite {' '.join(words)} ended with {ran.code}:\n{ran.out}{ran.err}")
        return ran

    def fill_by(self, call: Callable[[], object]) -> None:
        """Call a function in a child; its effects stay."""
        ran = self._run(lambda: _called(call), "", stays=True)
        if ran.code:
            raise Unplayable(f"{call} failed:\n{ran.out}{ran.err}")

    def call(self, call: Callable[[], object]) -> Ran:
        """Call a function in a child; nothing of it stays but its output. Raises Unplayable if it fails."""
        ran = self._run(lambda: _called(call), "")
        if ran.code:
            raise Unplayable(f"{call} failed:\n{ran.out}{ran.err}")
        return ran

    def run(
        self, *words: str, standard_input: str = "", until: str | None = None, more: Mapping[str, str] | None = None
    ) -> Ran:
        """Run a command from the beginning that was kept; with `until`, it is stopped when it has written that."""
        self.restore()
        ran = self._run(lambda: _command(words), standard_input, until=until, more=more)
        return ran._replace(files=self._written())

    def _written(self) -> str:
        """The files of the folder of work that are new or changed, with what they say if that is text."""
        before, after = (
            {path.relative_to(top): path for path in top.rglob("*") if path.is_file()} for top in self._works
        )
        changed = [
            name for name in sorted(after) if name not in before or not cmp(before[name], after[name], shallow=False)
        ]
        return "\n".join(
            [
                *(f"{name}\n{_text(after[name])}" for name in changed),
                *(f"{name} is gone" for name in sorted(before.keys() - after.keys())),
            ]
        )

    @property
    def _works(self) -> tuple[Path, Path]:
        return self.kept / "work", self.work

    def _run(
        self,
        call: Callable[[], int],
        standard_input: str,
        *,
        stays: bool = False,
        until: str | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Ran:
        files = self._files()
        files[0].write_text(standard_input)
        with self._forked(call, files, stays=stays, more=more) as pid:
            code = self._ended(pid, files[1:], until)
        out, err = (file.read_text("utf-8", "replace") for file in files[1:])
        return Ran(code, out, err, (self.folder / "network").read_text())

    def _files(self) -> list[Path]:
        """The files for standard input, output and errors, all empty."""
        files = [self.folder / name for name in ("in", "out", "err")]
        for file in (*files, self.folder / "network"):
            file.write_text("")
        return files

    @contextmanager
    def _forked(
        self, call: Callable[[], int], files: Sequence[Path], *, stays: bool, more: Mapping[str, str] | None = None
    ) -> Iterator[int]:
        """A child that calls a function. If its effects stay, the sandbox is served from here, else from there."""
        reading, writing = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid == 0:
            os.close(writing)
            self._be_child(call, files, reading, serve=not stays, more=more or {})
        os.close(reading)
        try:
            if stays:
                self.box.start(self.port)
            os.close(writing)
            yield pid
        finally:
            with suppress(ProcessLookupError, ChildProcessError):
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            self.box.stop()

    def _be_child(
        self, call: Callable[[], int], files: Sequence[Path], begin: int, *, serve: bool, more: Mapping[str, str]
    ) -> NoReturn:
        code = 99
        try:
            for number, file in enumerate(files):
                place = os.open(file, os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_TRUNC)
                os.dup2(place, number)
            os.environ.clear()
            os.environ.update({**self.environ, **more})
            time.tzset()
            os.chdir(self.work)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.alarm(PATIENCE_SECONDS)
            os.read(begin, 1)
            if serve:
                self.box.start(self.port)
                before = self._sent()
            code = call()
            if serve:
                (self.folder / "network").write_text(_difference(before, self._sent()))
        except BaseException:
            traceback.print_exc()
        finally:
            with suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _sent(self) -> tuple[Counter[str], list[str]]:
        """How often each method of the sandbox was called, and all records that it has."""
        records = [
            f"{record.uri} {json.dumps(record.value, indent=1, sort_keys=True, ensure_ascii=False, default=str)}"
            for handle in HANDLES
            for collection in COLLECTIONS
            for record in self.box.records(handle, collection)
        ]
        return Counter(self.box.calls), records

    def _ended(self, pid: int, outs: Sequence[Path], until: str | None) -> int:
        asked = until is None
        while True:
            done, status = os.waitpid(pid, os.WNOHANG)
            if done:
                return os.waitstatus_to_exitcode(status)
            if not asked and until is not None and any(until in file.read_text("utf-8", "replace") for file in outs):
                os.kill(pid, signal.SIGTERM)
                asked = True
            time.sleep(LOOK_SECONDS)

    @contextmanager
    def served(self, *options: str, stays: bool = False) -> Iterator[tuple[str, str]]:
        """A server (without a worker) while the block runs: its address, and the path that signs its owner in."""
        if not stays:
            self.restore()
        files = self._files()
        words = ("serve", "--no-worker", "--port", str(self.server_port), "--json", *options)
        with self._forked(lambda: _command(words), files, stays=stays) as pid:
            yield self._address(pid, files)
            os.kill(pid, signal.SIGTERM)
            os.waitpid(pid, 0)

    def _address(self, pid: int, files: Sequence[Path]) -> tuple[str, str]:
        while not (output := files[1].read_text()).endswith("}\n"):
            if os.waitpid(pid, os.WNOHANG)[0]:
                raise Unplayable(f"the server ended:\n{output}{files[2].read_text()}")
            time.sleep(LOOK_SECONDS)
        document: dict[str, Any] = json.loads(output)
        return document["url"], document["sign_in_url"].removeprefix(document["url"])


def _difference(before: tuple[Counter[str], list[str]], after: tuple[Counter[str], list[str]]) -> str:
    """What was called and written, and what is gone."""
    calls = [f"{name} x {count}" for name, count in sorted((after[0] - before[0]).items())]
    new = [f"+ {record}" for record in after[1] if record not in before[1]]
    gone = [f"- {record.partition(' ')[0]}" for record in before[1] if record not in after[1]]
    return "\n".join((*calls, *new, *gone))


def _text(path: Path) -> str:
    """What a file says; of anything but text, only that it is there."""
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return "(no text)"


def _command(words: Sequence[str]) -> int:
    """The program `skywrite`, as its entry point starts it."""
    sys.argv = ["skywrite", *words]
    try:
        import_module("skywrite.__main__").main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0
    return 0


def _called(call: Callable[[], object]) -> int:
    call()
    return 0


def at(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
