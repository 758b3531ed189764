"""Worker processes: their names, whether one is gone, their graceful stop, and whether this computer has a service.

What lives here: what a name means. What does not: freeing the leases of workers that are gone (`sending`).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from binascii import crc32
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import SimpleQueue
from types import FrameType
from typing import Any, NoReturn

from skywrite.core.clock import secret_bytes
from skywrite.core.digits import whole_number

SYSTEM_UNIT = Path("/etc/systemd/system/skywrite.service")
SYSTEM_HOME = Path("/var/lib/skywrite")
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
PROCESSES = Path("/proc/self/ns/pid")


def host_name() -> str:
    """The name of this computer."""
    if hasattr(os, "uname"):
        return os.uname().nodename
    return os.environ.get("COMPUTERNAME", "here")


def worker_name() -> str:
    """A name for this process that is never used again: where it runs, its process id and start, and a nonce."""
    pid = os.getpid()
    return f"{_place()}/{pid}.{_started(pid)}/{secret_bytes(3).hex()}"


def is_gone(worker: str) -> bool:
    """Whether a worker was a process on this computer that no longer runs; False if that cannot be known."""
    place, _, rest = worker.partition("/")
    pid, _, started = rest.partition("/")[0].partition(".")
    number = whole_number(pid)
    if os.name != "posix" or place != _place() or number is None:
        return False
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):
        return False
    # The process id may have been reused.
    return bool(started) and started != _started(number)


def _place() -> str:
    """This computer, or rather its process namespace: containers may share a host name, but have their own process ids.
    Without that information, it is just the host name.
    """
    seen = b""
    with suppress(OSError):
        seen = BOOT_ID.read_bytes() + str(PROCESSES.stat().st_ino).encode()
    return f"{host_name()}.{crc32(seen):08x}" if seen else host_name()


def _started(pid: int) -> str:
    """When a process started, in ticks since boot; empty if the system does not say."""
    with suppress(OSError, IndexError):
        # The second field is a name in parentheses, which may hold anything.
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()[19]
    return ""


def is_service_home(home: Path) -> bool:
    """Whether a folder belongs to the computer's service."""
    return home.is_relative_to(SYSTEM_HOME)


def computer_has_service(unit: Path = SYSTEM_UNIT) -> bool:
    """Whether this computer has a Skywrite service with a database of its own."""
    try:
        return unit.is_file()
    except OSError:
        return False


NUMBERS = (signal.SIGTERM, signal.SIGINT)

# A worker ends within eight seconds; what keeps the process longer is beyond it, such as a database that hangs.
LAST_SECONDS = 9.5


def exit_in_the_end() -> None:
    """End this process in some seconds, whatever it does: nothing is lost, as after a crash. For command lines only."""
    timer = threading.Timer(LAST_SECONDS, os._exit, [0])
    timer.daemon = True
    timer.start()


@contextmanager
def exiting_by_signals() -> Iterator[None]:
    """Inside the `with` block, SIGTERM and SIGINT exit with code 0: for command lines whose worker does not stand yet.

    Whatever is open is closed, as after any other exit; outside the main thread this does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    former = {number: signal.signal(number, _exit) for number in NUMBERS} if is_main else {}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    sys.exit(0)


class stopped_by_signals:
    """Inside the `with` block, SIGTERM and SIGINT call `stop`; outside the main thread this does nothing.

    A handler interrupts whatever the main thread does, even while it holds a lock that `stop` needs. So the handler
    only puts an item into a queue that is safe to use there, and a waiting thread calls `stop`.
    """

    def __init__(self, stop: Callable[[], None]) -> None:
        self._stop = stop
        self._former: dict[int, Any] = {}
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._thread = threading.Thread(target=self._wait, name="signals", daemon=True)

    def __enter__(self) -> None:
        if threading.current_thread() is threading.main_thread():
            self._thread.start()
            for number in NUMBERS:
                self._former[number] = signal.signal(number, self._handle)

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)
        if self._former:
            self._asked.put(False)
            self._thread.join()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        self._asked.put(True)

    def _wait(self) -> None:
        while self._asked.get():
            self._stop()
