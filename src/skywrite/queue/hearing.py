"""Hearing that another process may have changed the database, on Linux: then nobody needs to ask for it often.

What lives here: a thread that waits for a file descriptor, and one that tells of writes to a file (inotify). What does
not: whether anything has changed, which the detectors find out (`sqlite`, `postgres`).
"""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple, Self

_MODIFY = 0x2  # IN_MODIFY in <sys/inotify.h>
_BYTES = 4096


class Sound(NamedTuple):
    """A file descriptor that becomes readable when there may be a change, and when to look for it after that.

    `drained`: what can be read there means nothing, and is thrown away.
    """

    fileno: int
    looks_seconds: Sequence[float] = (0.0,)
    drained: bool = False


class Ear:
    """A thread that calls `heard` at each look after a sound."""

    def __init__(self, sound: Sound, heard: Callable[[], None]) -> None:
        self._sound, self._heard = sound, heard
        self._quiet = threading.Event()
        self._stop_read, self._stop_write = os.pipe2(os.O_CLOEXEC)
        self._ready = select.epoll()
        self._ready.register(self._stop_read, select.EPOLLIN)
        # Only what is new counts: whoever reads the rest of it is another thread.
        self._ready.register(sound.fileno, select.EPOLLIN | select.EPOLLET)
        self._thread = threading.Thread(target=self._run, name="ear", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, sound: Sound | None, heard: Callable[[], None]) -> Self | None:
        """One that listens; None where there is nothing to hear, or no way to wait for it."""
        if sound is None or not hasattr(select, "epoll"):
            return None
        try:
            return cls(sound, heard)
        except OSError:
            # As many files are open as may be: looking often needs none.
            return None

    def close(self) -> None:
        """Stop listening. The caller closes the descriptor afterwards."""
        self._quiet.set()
        os.write(self._stop_write, b"x")
        self._thread.join(1)
        if not self._thread.is_alive():
            self._ready.close()
            os.close(self._stop_read)
            os.close(self._stop_write)

    def _run(self) -> None:
        while not self._quiet.is_set():
            self._ready.poll()
            if self._sound.drained:
                with suppress(OSError):
                    os.read(self._sound.fileno, _BYTES)
            for seconds in self._sound.looks_seconds:
                if self._quiet.wait(seconds):
                    return
                self._heard()


def writes_to(path: str) -> int | None:
    """A descriptor that becomes readable when a process of this computer writes to a file, see inotify(7).

    None where there is no such thing.
    """
    import ctypes
    import sys

    if sys.platform != "linux":
        return None
    try:
        library = ctypes.CDLL(None, use_errno=True)
        fileno = int(library.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC))
    except (AttributeError, OSError, TypeError):
        return None
    if fileno < 0:
        return None
    if library.inotify_add_watch(fileno, os.fsencode(path), _MODIFY) < 0:
        os.close(fileno)
        return None
    return fileno
