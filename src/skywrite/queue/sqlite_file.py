"""The file of an SQLite database: which one it is, so that another in its place is noticed, and putting a new one
there.

What does not live here: what is in it (`sqlite`).
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

# "Skyw", which `file` and other programs may tell by.
APPLICATION_ID = 0x536B7977


def put_header(path: Path) -> None:
    """Make an empty file an SQLite database without a table."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")


def put_in_place(new: Path, path: Path) -> None:
    """Give a file its name, unless another process was faster. Raises FileExistsError."""
    try:
        os.link(new, path)
    except FileExistsError:
        raise
    except OSError:
        # A file system without hard links.
        if not path.exists():
            new.rename(path)


class SeenFile:
    """A file as it was seen at a path, to check whether it is still there.

    It is kept open if that is possible without affecting SQLite's locks, which closing a file would release: some file
    systems report a different inode number each time. `log` is the log of a database.
    """

    log: SeenFile | None = None

    def __init__(self, path: Path) -> None:
        self._path = path
        self._held = os.open(path, os.O_PATH | os.O_CLOEXEC) if hasattr(os, "O_PATH") else None
        self._known = identity_of(path.stat() if self._held is None else os.fstat(self._held))

    def is_there(self) -> bool:
        """Whether it is still at its path."""
        try:
            known = self._known if self._held is None else identity_of(os.fstat(self._held))
            return identity_of(self._path.stat()) == known
        except OSError:
            return False

    def forget(self) -> None:
        """Close it; from now on it counts as gone."""
        held, self._held, self._known = self._held, None, (-1, -1)
        if held is not None:
            os.close(held)
        if self.log is not None:
            self.log.forget()
            self.log = None


def seen_file(path: Path) -> SeenFile | None:
    """The file at a path now, or None."""
    try:
        return SeenFile(path)
    except OSError:
        return None


def identity_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def has_content(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except OSError:
        return False
