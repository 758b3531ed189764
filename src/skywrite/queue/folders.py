"""Directories that only their owner may enter, whatever the umask is."""

from __future__ import annotations

from pathlib import Path


def make_private_folder(path: Path) -> None:
    """Create a directory and its missing parents with mode 0700; existing ones are left as they are."""
    missing = []
    while not path.exists():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        # `parents=True` would create the parents with the umask's mode.
        folder.mkdir(mode=0o700, exist_ok=True)
