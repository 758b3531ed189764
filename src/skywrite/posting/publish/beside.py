"""Notes beside the database, in a file that no backup holds: what a database that is older than they are cannot know.

A name and a value a line; the last line about a name counts. What lives here: that file. What does not: what is noted,
and what it is good for (`tombstones`, `app.timers`, `features.reposts`).
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from skywrite.core.files import whole_private_file


class Notes:
    """Values by name; no value has a space. Safe to share between threads and processes.

    Beyond `bytes_max`, the latest notes are kept, of half that size; without it, all of them.
    """

    def __init__(self, path: Path, *, bytes_max: int | None = None) -> None:
        self._path = path
        self._bytes_max = bytes_max
        self._seen: tuple[int, int] | None = None
        self._known: Mapping[str, str] = {}

    def put(self, name: str, value: str) -> None:
        """Note a value. Where that cannot be noted, nothing is."""
        with suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            # One short write at the end: lines of two processes do not mix.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, _line(name, value))
                size = os.fstat(descriptor).st_size
            finally:
                os.close(descriptor)
            if self._bytes_max is not None and size > self._bytes_max:
                self._shorten(self._bytes_max // 2)

    def get(self, name: str) -> str | None:
        """What was noted last, as far as this computer knows."""
        with suppress(OSError):
            status = self._path.stat()
            seen = (status.st_mtime_ns, status.st_size)
            if seen != self._seen:
                self._known, self._seen = _read(self._path), seen
            return self._known.get(name)
        return None

    def _shorten(self, bytes_kept: int) -> None:
        kept: list[bytes] = []
        for name, value in reversed(_read(self._path).items()):
            bytes_kept -= len(line := _line(name, value))
            if bytes_kept < 0:
                break
            kept.append(line)
        with whole_private_file(self._path) as file:
            file.writelines(reversed(kept))


def _line(name: str, value: str) -> bytes:
    return f"{value} {name}\n".encode()


def _read(path: Path) -> dict[str, str]:
    """The last value of each name, in the order in which they were noted."""
    known: dict[str, str] = {}
    for line in path.read_text("utf-8", "replace").splitlines():
        value, _, name = line.partition(" ")
        known.pop(name, None)
        known[name] = value
    return known
