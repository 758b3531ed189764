"""Files that users and rows name: regular ones only, read to a limit; and files and folders that only their owner may
read.

A device has no end, and a pipe waits for ever. What does not live here: what a file is.
"""

from __future__ import annotations

import errno
import os
import stat
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO


class NotRegular(OSError):
    """It is a device, a pipe or a socket."""

    def __init__(self, path: Path) -> None:
        super().__init__(errno.EINVAL, "it is a device or a pipe, not a file", str(path))


def local_name(name: str) -> str:
    """The name of a file, also from its address as file managers and browsers copy it: `file:///home/ana/sun.png`."""
    if not name.startswith(("file:///", "file://localhost/")):
        return name
    from urllib.parse import unquote, urlsplit

    path = unquote(urlsplit(name).path)
    return path.lstrip("/") if os.name == "nt" else path


def open_regular(path: Path) -> BinaryIO:
    """A file to read, opened without waiting. Raises NotRegular, and OSError as `open` does."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
        if not stat.S_ISREG(mode):
            raise NotRegular(path)
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path, max_bytes: int) -> bytes | None:
    """The bytes of a file; None where there are more than `max_bytes`, whatever the file system says of its size."""
    with open_regular(path) as file:
        data = file.read(max_bytes + 1)
    return data if len(data) <= max_bytes else None


class PassingFolder:
    """A private folder that is deleted when nobody holds this object any more."""

    def __init__(self) -> None:
        import shutil
        import tempfile

        self.path = Path(tempfile.mkdtemp(prefix="skywrite-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


def is_inside(path: Path, root: Path) -> bool:
    """Whether a path leads into a folder, links followed."""
    return path.resolve().is_relative_to(root.resolve())


@contextmanager
def whole_private_file(path: Path) -> Iterator[BinaryIO]:
    """A `private_file` that is there with all that is written to it, or not at all; devices are written to as they are.

    Raises OSError, which names the file itself.
    """
    if path.exists() and not path.is_file():
        with private_file(path) as file:
            yield file
        return
    whole = path.resolve()
    part = whole.with_name(f".{whole.name}.part")
    try:
        with private_file(part) as file:
            yield file
        part.replace(whole)
    except OSError as error:
        error.filename = str(path) if error.filename == str(part) else error.filename
        raise
    finally:
        part.unlink(missing_ok=True)


def private_file(path: Path) -> BinaryIO:
    """A file to write that only its owner may read, also where one of that name was open to others."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0), 0o600)
    if hasattr(os, "fchmod") and stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.fchmod(descriptor, 0o600)
    return os.fdopen(descriptor, "wb")


def make_private_folder(path: Path) -> None:
    """Create a directory and its missing parents with mode 0700; existing ones are left as they are."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        # `parents=True` would create the parents with the umask's mode.
        folder.mkdir(mode=0o700, exist_ok=True)
