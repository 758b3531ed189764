"""Child processes that tests start, listen to, freeze and kill, always by their own process id.

What lives here: one class and what every server of the harness needs. What a child runs is the business of whoever
starts it.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Protocol, Self

from tests.support.zygote import AT_START, READY, fork

ROOT = Path(__file__).resolve().parents[2]
SKYWRITE = ("-m", "skywrite.faces.cli.main")
LOW_PORT = 8192
# For whatever comes for certain: a slow computer is no defect, and only a test that fails waits for so long.
PATIENCE_SECONDS = 240.0
# The folder of the run, which its other processes share.
FOLDER = "SKYWRITE_TEST_FOLDER"


def _folder_of_the_run() -> Path:
    """A folder for all that a run makes, in memory where there is such a place; it goes with the process that made it,
    or with the next run if that one was killed."""
    if FOLDER in os.environ:
        return Path(os.environ[FOLDER])
    place = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else Path(tempfile.gettempdir())
    for left in place.glob("skywrite-tests-*"):
        if not Path("/proc", left.name.rpartition("-")[2]).exists():
            shutil.rmtree(left, ignore_errors=True)
    folder = place / f"skywrite-tests-{os.getpid()}"
    folder.mkdir(exist_ok=True)
    os.environ[FOLDER] = str(folder)
    atexit.register(_remove, folder, os.getpid())
    return folder


def _remove(folder: Path, maker: int) -> None:
    # A fork ends as its parent does.
    if os.getpid() == maker:
        shutil.rmtree(folder, ignore_errors=True)


def keep_folder() -> bool:
    """Leave the folder of the run until the next one; False where another process made it."""
    atexit.unregister(_remove)
    return FAST_FOLDER.name == f"skywrite-tests-{os.getpid()}"


FAST_FOLDER = _folder_of_the_run()


class ServerUnavailable(Exception):
    """A server that the tests need cannot be had on this machine; the message says why and what to do."""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on, and that no outgoing connection takes before somebody does."""
    for port in _ports:
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise ServerUnavailable("no port of 127.0.0.1 is free")


def _ports_for_servers() -> Iterator[int]:
    """Ports that the system gives to no connection, each of them once; processes begin at different places."""
    first = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    # Where the system gives nearly all ports to connections, there are no such ports, and some of them will do.
    ports = range(first // 2, first) if first >= LOW_PORT else range(LOW_PORT, 2 * LOW_PORT)
    start = os.getpid() * 101 % len(ports)
    return itertools.chain(ports[start:], ports[:start])


_ports = _ports_for_servers()


class Process(Protocol):
    """What a child needs of the process that it is."""

    @property
    def pid(self) -> int: ...

    def poll(self) -> int | None: ...

    def wait(self, timeout: float | None = None) -> int: ...

    def send_signal(self, sig: int, /) -> None: ...


class Child:
    """A process in a session of its own, so that no signal of ours or of a terminal reaches a neighbour.

    Its output (both streams) is read all the time into `lines`, so that it never blocks on a full pipe. With
    `dies_with_starter` the kernel interrupts it when the *thread* that started it ends, however that happens.
    """

    def __init__(
        self,
        command: Iterable[str | Path],
        *,
        environ: Mapping[str, str] | None = None,
        folder: Path = ROOT,
        user: str | None = None,
        dies_with_starter: bool = False,
        start: Callable[[list[str], Mapping[str, str], Path], tuple[Process, IO[str]]] | None = None,
    ) -> None:
        words: list[str] = [str(word) for word in command]
        if dies_with_starter:
            words = ["setpriv", "--pdeathsig", "INT", *words]
        if user is not None:
            words = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups", *words]
        self.command = words
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._ended = False
        self._process, self._said = (start or _anew)(words, {**os.environ, **(environ or {})}, folder)
        self.pid = self._process.pid
        self._reader = threading.Thread(target=self._read, name=f"output of {self.pid}", daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with self._said as output:
            for line in output:
                with self._news:
                    self.lines.append(line.rstrip("\n"))
                    self._news.notify_all()
        with self._news:
            self._ended = True
            self._news.notify_all()

    def wait_for_line(self, part: str = "", *, timeout_seconds: float = PATIENCE_SECONDS, skip: int = 0) -> str:
        """The first line (after `skip` lines) that holds `part`; an AssertionError with all output otherwise."""
        until = time.monotonic() + timeout_seconds
        with self._news:
            while True:
                for line in self.lines[skip:]:
                    if part in line:
                        return line
                if self._ended or not self._news.wait(until - time.monotonic()):
                    break
        what = "ended" if self._ended else f"said nothing of the kind for {timeout_seconds:.0f} s"
        raise AssertionError(f"{self.command[0]} was to print {part!r} and {what}. Its output:\n{self.output}")

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return "\n".join(self.lines)

    @property
    def running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send a signal; nothing happens when the process has ended already."""
        if self.running:
            self._process.send_signal(number)

    def freeze(self) -> None:
        """SIGSTOP: the process stands still in the middle of whatever it does."""
        self.send(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT: it goes on as if no time had passed."""
        self.send(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, and wait until the process is gone."""
        self.send(signal.SIGKILL)
        self.wait()

    def stop(self, *, timeout_seconds: float = 60.0, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to end (SIGTERM unless told otherwise) and return its exit code; SIGKILL after the time."""
        self.send(number)
        try:
            return self.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            return self.wait()

    def wait(self, timeout_seconds: float | None = PATIENCE_SECONDS) -> int:
        """Wait for the end and return the exit code (negative: the signal that ended it)."""
        code = self._process.wait(timeout_seconds)
        self._reader.join(60)
        return code

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.resume()
        self.kill()


def _anew(words: list[str], environ: Mapping[str, str], folder: Path) -> tuple[Process, IO[str]]:
    process = subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environ,
        cwd=folder,
        start_new_session=True,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    return process, process.stdout


def _forked(words: list[str], environ: Mapping[str, str], folder: Path) -> tuple[Process, IO[str]]:
    source, sink = os.pipe()
    with Path(os.devnull).open() as nothing, os.fdopen(sink, "wb") as output:
        streams = (nothing.fileno(), output.fileno(), output.fileno())
        process = fork(of_skywrite(), words[len(SKYWRITE) + 1 :], streams, folder=folder, environ=environ, alone=True)
    return process, os.fdopen(source, errors="replace")


def python_child(*arguments: str | Path, environ: Mapping[str, str] | None = None) -> Child:
    """This Python with arguments, its output unbuffered: `python_child(*SKYWRITE, "run")`, which is forked."""
    # What it leaves behind when it is killed goes with the run.
    environ = {"PYTHONUNBUFFERED": "1", "TMPDIR": str(FAST_FOLDER), **(environ or {})}
    command = [sys.executable, *arguments]
    if arguments[: len(SKYWRITE)] == SKYWRITE and can_be_forked(environ):
        return Child(command, environ=environ, start=_forked)
    with_starter = threading.current_thread() is threading.main_thread()
    return Child(command, environ=environ, dies_with_starter=with_starter)


def skywrite(
    *words: str,
    environ: Mapping[str, str],
    stdin: bytes = b"",
    folder: Path | None = None,
    umask: int | None = None,
    is_merged: bool = False,
) -> subprocess.CompletedProcess[bytes]:
    """Run the program in a process of its own until it ends, in exactly this environment; `is_merged`: one output."""
    with ExitStack() as stack:
        input_file, out, err = (stack.enter_context(TemporaryFile(dir=FAST_FOLDER)) for _ in range(3))
        input_file.write(stdin)
        input_file.seek(0)
        streams = (input_file.fileno(), out.fileno(), (out if is_merged else err).fileno())
        where = folder or Path.cwd()
        process: Process
        if can_be_forked(environ):
            process = fork(of_skywrite(), words, streams, folder=where, environ=environ, umask=umask)
        else:
            command = [sys.executable, *SKYWRITE, *words]
            mask = -1 if umask is None else umask
            process = subprocess.Popen(
                command, stdin=input_file, stdout=streams[1], stderr=streams[2], env=environ, cwd=where, umask=mask
            )
        try:
            code = process.wait(PATIENCE_SECONDS)
        finally:
            process.send_signal(signal.SIGKILL)
        told = []
        for output in (out, err):
            output.seek(0)
            told.append(output.read())
        return subprocess.CompletedProcess(["skywrite", *words], code, *told)


def can_be_forked(environ: Mapping[str, str]) -> bool:
    """Whether a process that is forked would be as one that is started with this environment."""
    return all(os.environ.get(name) == value for name, value in environ.items() if name.startswith(AT_START))


@cache
def of_skywrite() -> Path:
    """Where the process listens that has loaded the program; it ends with this one."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(zygote(FAST_FOLDER / f"zygote-{os.getpid()}"))


@contextmanager
def zygote(address: Path, module: str = "tests.support.zygote") -> Iterator[Path]:
    """A process that forks for whoever asks at this address."""
    command = [sys.executable, "-m", module, str(address)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, start_new_session=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            assert READY == process.stdout.readline().strip()
            yield address
        finally:
            process.stdin.close()
