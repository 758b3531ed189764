"""What differs between two recordings: the files that only one has, and the lines of those that differ."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from pathlib import Path

CONTEXT_LINES = 3


def differences(before: Path, after: Path) -> Iterator[str]:
    """The lines to show, file by file, with a count at the end; none if nothing differs."""
    old, new = _files(before), _files(after)
    changed = 0
    for name in sorted(old.keys() | new.keys()):
        first, second = old.get(name), new.get(name)
        if first == second:
            continue
        changed += 1
        if first is None or second is None:
            yield f"{'only after' if first is None else 'only before'}: {name}"
            continue
        yield from difflib.unified_diff(
            first.splitlines(), second.splitlines(), f"before/{name}", f"after/{name}", n=CONTEXT_LINES, lineterm=""
        )
    if changed:
        yield f"{changed} of {len(old.keys() | new.keys())} files differ."


def _files(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.is_file()
    }
