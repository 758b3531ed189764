"""Untrusted input is parsed and decoded in a child process, with limits on memory and processor time.

Large imports have children of their own, so that their rows are checked on all processors, and images have one.

What lives here: the parent's side: starting the one child when it is first needed, sending it a function's name with
its arguments, and turning its end into an error. What does not: the functions (each beside what it reads), the
child's own side (`contained_main`).

A function that runs in the child is an ordinary pure function of a module, with annotations that `msgspec` can read.
Arguments and results cross as MessagePack and are checked against the annotations: nothing that the child says is
executed, so a decoder that was taken over holds only the child.
"""

from __future__ import annotations

import atexit
import json
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, ParamSpec, TypeVar, get_type_hints

from skywrite.core.config import child_environment
from skywrite.core.errors import Overloaded, RejectedError, SkywriteError, TemporaryError

CPU_SECONDS = 20
WALL_SECONDS = 60.0
MEMORY_BYTES = 1 << 30
IMAGE_MEMORY_BYTES = 900 << 20
DRAWING_CPU_SECONDS = 8
IMAGE_PATIENCE_SECONDS = 60.0
REPLY_BYTES_MAX = 64 << 20
IDLE_SECONDS = 60.0
CALLS_MAX = 500
RETRY_SECONDS = 10
# The child's first byte says that it has loaded; the first byte of a reply, whether it is fit for another call.
READY = b"R"
SOUND, SPENT = b"\x00", b"\x01"

_P = ParamSpec("_P")
_R = TypeVar("_R")
_LENGTH = struct.Struct(">I")
_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from skywrite.core.contained_main import main; "
    "main(*map(int, sys.argv[2:]))"
)


class TooCostly(RejectedError):
    """Reading untrusted input took more memory or time than allowed, or crashed the reader."""

    code = "input.too_costly"


class Limits(NamedTuple):
    """What one call may take. On systems that have no such limits, only the time on the wall counts."""

    cpu_seconds: int = CPU_SECONDS
    wall_seconds: float = WALL_SECONDS
    memory_bytes: int = MEMORY_BYTES


class Contained:
    """One child process, started when it is first needed and again after it has ended; threads may share it."""

    def __init__(
        self, limits: Limits | None = None, *, idle_seconds: float = IDLE_SECONDS, patience_seconds: float = -1
    ) -> None:
        self._patience_seconds = patience_seconds
        self._limits = limits or Limits()
        self._idle_seconds = idle_seconds
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner = 0
        self._calls = 0
        self._is_ready = False
        self._idle: threading.Timer | None = None

    def call(self, function: Callable[_P, _R], *args: _P.args, **kwargs: _P.kwargs) -> _R:
        """The function's result, or its error where that is one of ours.

        Raises TooCostly for a call that goes over its limits or does not end well, TemporaryError where it cannot
        start, and Overloaded where its turn does not come within `patience_seconds` (by default it waits for ever).
        """
        import msgspec

        name = f"{function.__module__}:{function.__qualname__}"
        if not self._lock.acquire(timeout=self._patience_seconds):
            raise Overloaded(
                "Too many images are being read just now.",
                code="reader.busy",
                hint=f"Try again in {RETRY_SECONDS} seconds.",
                retry_seconds=RETRY_SECONDS,
            )
        try:
            # Whoever waits holds no second copy of what is to be read.
            reply = self._ask(msgspec.msgpack.encode((name, args, kwargs)))
        finally:
            self._lock.release()
        if reply is None:
            raise TooCostly("Reading it took more memory or time than it may.", hint="It may be damaged or malicious.")
        try:
            state, value = msgspec.msgpack.decode(reply, type=tuple[str, msgspec.Raw])
            if state == "done":
                result: _R = msgspec.msgpack.decode(value, type=get_type_hints(function)["return"])
                return result
            error = msgspec.msgpack.decode(value, type=dict[str, str])
        except msgspec.MsgspecError:
            self.close()
            raise TooCostly("The child process that reads it returned nothing usable.") from None
        raise _error(error)

    def warm_up(self) -> None:
        """Start the child, if nobody uses it just now: it loads while something else takes time."""
        if self._lock.acquire(blocking=False):
            try:
                with suppress(TemporaryError):
                    self._living()
            finally:
                self._lock.release()

    def close(self) -> None:
        """End the child; the next call starts another one."""
        with self._lock:
            self._end()

    def _at_exit(self) -> None:
        """End the child with this process, also in the middle of a call of a thread that nobody waits for."""
        process = self._process
        if self._lock.acquire(timeout=0.2):
            try:
                self._end()
            finally:
                self._lock.release()
        elif process is not None and self._owner == os.getpid():
            process.kill()
            process.wait()

    def _ask(self, message: bytes) -> bytes | None:
        """The child's reply, None where it ended without one."""
        process = self._living()
        watchdog = threading.Timer(self._limits.wall_seconds, process.kill)
        watchdog.daemon = True
        watchdog.start()
        try:
            reply = self._exchange(process, message)
        except BaseException:
            # Whoever was interrupted leaves a reply behind, which is not that of the next call.
            self._end()
            raise
        finally:
            watchdog.cancel()
        if not reply:
            self._end()
            return None
        self._calls += 1
        if reply[:1] == SPENT:
            self._end()
        else:
            self._end_when_idle()
        return reply[1:]

    def _exchange(self, process: subprocess.Popen[bytes], message: bytes) -> bytes:
        """Send a call and read its reply, which is empty where the child has ended. Raises TemporaryError."""
        assert process.stdin is not None and process.stdout is not None
        if not self._is_ready:
            self._is_ready = process.stdout.read(1) == READY
            if not self._is_ready:
                raise TemporaryError(
                    "The child process that reads pages, feeds and images does not start.",
                    code="reader.unavailable",
                    hint="Is the installation complete? SKYWRITE_DEBUG=1 shows its output.",
                )
        try:
            process.stdin.write(_LENGTH.pack(len(message)) + message)
            process.stdin.flush()
            head = process.stdout.read(_LENGTH.size)
            length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
            reply = process.stdout.read(length) if length <= REPLY_BYTES_MAX else b""
        except OSError:
            return b""
        return reply if len(reply) == length else b""

    def _living(self) -> subprocess.Popen[bytes]:
        self._stay()
        process = self._process
        if self._owner != os.getpid():
            # After a fork the child is the parent's; its pipes are left alone.
            self._process = None
        elif process is not None and process.poll() is None and self._calls < CALLS_MAX:
            return process
        self._end()
        limits = self._limits
        path = json.dumps([entry for entry in sys.path if Path(entry).is_absolute()])
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _START, path, str(limits.cpu_seconds), str(limits.memory_bytes)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=None if os.environ.get("SKYWRITE_DEBUG") else subprocess.DEVNULL,
                env=child_environment(),
                cwd=Path(sys.executable).anchor,
            )
        except (OSError, ValueError) as error:
            raise TemporaryError(
                f"The child process that reads pages, feeds and images cannot be started: {error}.",
                code="reader.unavailable",
                hint="Check the limits on processes and memory.",
            ) from None
        self._owner = os.getpid()
        self._calls = 0
        self._is_ready = False
        atexit.register(self._at_exit)
        return self._process

    def _end_when_idle(self) -> None:
        self._idle = threading.Timer(self._idle_seconds, self.close)
        self._idle.daemon = True
        self._idle.start()

    def _stay(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
            self._idle = None

    def _end(self) -> None:
        self._stay()
        process, self._process = self._process, None
        if process is None:
            return
        atexit.unregister(self._at_exit)
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with suppress(OSError):
                    pipe.close()
        process.wait()


def _error(facts: Mapping[str, str]) -> SkywriteError:
    """The error that the child named, if its class is one of ours that is loaded here; else its nearest."""
    error_class = getattr(sys.modules.get(facts.get("module", "")), facts.get("name", ""), None)
    message, hint = facts.get("message", ""), facts.get("hint", "")
    if not (
        isinstance(error_class, type)
        and issubclass(error_class, SkywriteError)
        and error_class.__module__.startswith("skywrite.")
    ):
        return TooCostly(message or "It could not be read.", hint=hint)
    error = error_class.__new__(error_class)
    SkywriteError.__init__(error, message, code=facts.get("code", ""), hint=hint)
    if "extra" in facts:
        vars(error)["extra"] = facts["extra"]
    return error


_SHARED = Contained()
call = _SHARED.call
# Images take seconds and most of the memory, so they have a child of their own, for one at a time.
_OF_IMAGES = Limits(memory_bytes=IMAGE_MEMORY_BYTES)
decode = Contained(_OF_IMAGES, patience_seconds=IMAGE_PATIENCE_SECONDS).call
# A drawing is a program that may take all its time: no photo of others waits for it, and other drawings not for long.
draw = Contained(_OF_IMAGES._replace(cpu_seconds=DRAWING_CPU_SECONDS), patience_seconds=IMAGE_PATIENCE_SECONDS).call
warm_up = _SHARED.warm_up
