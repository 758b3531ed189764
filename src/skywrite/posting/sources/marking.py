"""Marking in a file that its post is published, so that it is never published again."""

from __future__ import annotations

import os
import re
from pathlib import Path

from skywrite.core.clock import secret_bytes
from skywrite.core.errors import InputError, Notice
from skywrite.posting.sources.frontmatter import find_head

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")


def mark_published(file: Path, uri: str) -> None:
    """Write `published: URI` into a file's front matter, atomically: a reader sees the old file or the new one."""
    text = file.read_bytes().decode("utf-8")
    beside = file.with_name(f".{file.name}.{secret_bytes(8).hex()}")
    # An existing file or link with that name, which a repository may contain, is neither written to nor followed.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(beside, flags, file.stat().st_mode & 0o777)
    try:
        with os.fdopen(descriptor, "wb") as opened:
            opened.write(with_mark(text, uri).encode("utf-8"))
        beside.chmod(file.stat().st_mode & 0o777)
        beside.replace(file)
    finally:
        beside.unlink(missing_ok=True)


def try_to_mark(file: Path, uri: str, name: str) -> tuple[Notice, ...]:
    """Mark a file, called `name`. A failure is returned as a warning, because its post is published anyway."""
    try:
        mark_published(file, uri)
    except (OSError, ValueError, InputError) as error:
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        text = f"the file could not be marked: {reason.rstrip('.')}. Write published: {uri} into it."
        return (Notice("NotMarked", f"It is published, but {text}", name),)
    return ()


def with_mark(text: str, uri: str) -> str:
    """The text with the mark at the top of its front matter, which is created if there is none. Pure."""
    lines = [(match[1], match[2]) for match in _LINE.finditer(text)]
    head = find_head([line for line, _ in lines])
    if head is None:
        return f"---\npublished: {uri}\n---\n{text.removeprefix(chr(0xFEFF))}"
    line, newline = lines[head.opens]
    if head.kind == "json":
        brace, _, rest = line.partition("{")
        comma = "" if head.text[1:].lstrip().startswith("}") else ", "
        lines[head.opens] = (f'{brace}{{"published": "{uri}"{comma}{rest}', newline)
    else:
        lines.insert(head.opens + 1, (f'published = "{uri}"' if head.kind == "toml" else f"published: {uri}", newline))
    return "".join(line + newline for line, newline in lines)
