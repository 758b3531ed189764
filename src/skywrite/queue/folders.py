"""Directories that only their owner may enter, whatever the umask says."""

from __future__ import annotations

from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Make a directory with mode 0700, and those above it that are missing; what exists is left as it is."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        # `parents=True` would make those above with the umask's mode.
        folder.mkdir(mode=0o700, exist_ok=True)
