"""Commands: run one, and read its output.

What lives here: the limits of a run (time, bytes, its whole process group) and reading its output as drafts. What does
not: when a command runs and what happens to its drafts (`app`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from skywrite.core.clock import SYSTEM_CLOCK
from skywrite.core.config import child_environment
from skywrite.core.errors import SkywriteError

if TYPE_CHECKING:
    from subprocess import Popen

COMMAND_SECONDS = 60
COMMAND_SECONDS_MAX = 3600
OUTPUT_BYTES_MAX = 1_000_000
ERROR_BYTES_KEPT = 2000
SHOWN_CHARACTERS = 200
STOP_LOOK_SECONDS = 0.5
_PIECE_BYTES = 65_536
# Besides what every child gets: how to reach the network.
_MORE = (
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
    *("SSL_CERT_FILE", "SSL_CERT_DIR", "SKYWRITE_HOME"),
)


class CommandFailed(SkywriteError):
    """A command could not be started, ended with an error, or printed something that is not text."""

    code = "command.failed"


class CommandStopped(CommandFailed):
    """The program was asked to stop while a command ran, so it was killed; it will run again."""

    code = "command.stopped"


@dataclass(frozen=True, slots=True)
class Printed:
    """What a command printed on standard output, without surrounding blank lines; may be empty."""

    text: str

    @property
    def hash(self) -> str:
        """Identifies the output."""
        return sha256(self.text.encode()).hexdigest()

    def rows(self, *, jsonl: bool) -> list[dict[str, Any]]:
        """The drafts in it: one with the whole text, or a row of `skywrite import` for each line."""
        from skywrite.posting.sources.table import read_jsonl

        if not self.text:
            return []
        return read_jsonl(self.text) if jsonl else [{"text": self.text}]


@dataclass(slots=True)
class _Reader:
    """Reads one stream in its own thread; beyond `most` bytes it calls `stop`, or ignores the rest."""

    stream: IO[bytes]
    most: int
    stop: Any = None
    data: bytearray = field(default_factory=bytearray)
    too_much: bool = False

    def run(self) -> None:
        read = getattr(self.stream, "read1", self.stream.read)
        while piece := read(_PIECE_BYTES):
            room = self.most - len(self.data)
            self.data += piece[:room]
            if len(piece) > room and self.stop and not self.too_much:
                self.too_much = True
                self.stop()


def run_command(
    command: str,
    *,
    folder: Path | None = None,
    timeout_seconds: float = COMMAND_SECONDS,
    max_bytes: int = OUTPUT_BYTES_MAX,
    environ: Mapping[str, str] | None = None,
    pass_on: Sequence[str] = (),
    is_stopping: Callable[[], bool] = lambda: False,
    standard_input: bytes = b"",
) -> Printed:
    """Run a command line in the system's shell, with `standard_input` as its standard input, and read its output.

    When it exceeds the time or the bytes, its whole process group is killed; so is anything that it leaves running. Its
    environment has what any program needs, and the variables in `pass_on`. Raises CommandFailed and its subclasses.
    """
    import subprocess

    if folder is not None and not folder.is_dir():
        raise CommandFailed(f"There is no folder {folder} to run the command in.", hint="Add the command again.")
    try:
        process = subprocess.Popen(
            command,
            shell=True,
            cwd=folder,
            env=child_environment(environ, (*_MORE, *pass_on)),
            stdin=subprocess.PIPE if standard_input else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise CommandFailed(f"The command could not be started: {error}.", hint="Try it in a shell.") from None
    assert process.stdout is not None and process.stderr is not None
    out = _Reader(process.stdout, max_bytes, lambda: _kill(process))
    err = _Reader(process.stderr, ERROR_BYTES_KEPT)
    readers = [threading.Thread(target=reader.run, name="command", daemon=True) for reader in (out, err)]
    if process.stdin is not None:
        # A command need not read it, nor all of it.
        readers.append(
            threading.Thread(target=_write, args=(process.stdin, standard_input), name="command", daemon=True)
        )
    for reader in readers:
        reader.start()
    ended = False
    try:
        ended = _has_ended(process, timeout_seconds, is_stopping)
    finally:
        _kill(process)
        process.wait()
        for reader in readers:
            reader.join()
        process.stdout.close()
        process.stderr.close()
    if not ended and is_stopping():
        raise CommandStopped("The command was stopped because the program ended.", hint="It runs again next time.")
    if not ended:
        raise CommandFailed(
            f"The command did not end in {timeout_seconds:g} seconds and was killed.",
            code="command.timed_out",
            hint="Make it faster.",
        )
    if out.too_much:
        raise CommandFailed(
            f"The command printed more than {max_bytes:,} bytes and was killed.",
            code="command.too_loud",
            hint="Print less.",
        )
    return _printed(process.returncode, bytes(out.data), bytes(err.data))


def _write(stream: IO[bytes], content: bytes) -> None:
    """Give a command its input; what it does not want is not written."""
    with suppress(OSError), stream:
        stream.write(content)


def _has_ended(process: Popen[bytes], timeout_seconds: float, is_stopping: Callable[[], bool]) -> bool:
    """Wait until the command ends, the time is over, or the program is asked to stop. Returns whether it ended."""
    import subprocess

    ends = SYSTEM_CLOCK.monotonic() + timeout_seconds
    while not is_stopping() and (left := ends - SYSTEM_CLOCK.monotonic()) > 0:
        try:
            process.wait(min(left, STOP_LOOK_SECONDS))
        except subprocess.TimeoutExpired:
            continue
        return True
    return False


def _printed(code: int, out: bytes, err: bytes) -> Printed:
    if code != 0:
        how = f"was killed by signal {-code}" if code < 0 else f"ended with {code}"
        message = " ".join(err.decode("utf-8", "replace").split())[-SHOWN_CHARACTERS:]
        raise CommandFailed(f"The command {how}{f': {message}' if message else '.'}", hint="Try it in a shell.")
    try:
        return Printed(out.decode("utf-8-sig").replace("\r\n", "\n").strip())
    except UnicodeDecodeError:
        raise CommandFailed("The command's output is not UTF-8 text.", hint="Make it print UTF-8.") from None


def _kill(process: Popen[bytes]) -> None:
    """Kill a command and everything that it started in its process group."""
    if os.name == "posix":
        import signal

        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    elif process.poll() is None:
        process.kill()
