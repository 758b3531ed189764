"""Noting in a file that its post is published, so that it is never published again."""

from __future__ import annotations

import os
import re
from pathlib import Path

_HEAD = re.compile(r"\ufeff?---[ \t]*(\r\n|\r|\n)")


def mark_published(file: Path, uri: str) -> None:
    """Write `published: URI` into a file's front matter, in one step: a reader sees the old file or the new one."""
    text = file.read_bytes().decode("utf-8")
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        beside.write_bytes(with_mark(text, uri).encode("utf-8"))
        beside.chmod(file.stat().st_mode & 0o777)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def with_mark(text: str, uri: str) -> str:
    """The text with the mark at the head of its front matter, which is made where there is none. Pure."""
    match = _HEAD.match(text)
    if match:
        return f"{match[0]}published: {uri}{match[1]}{text[match.end() :]}"
    return f"---\npublished: {uri}\n---\n{text.removeprefix(chr(0xFEFF))}"
