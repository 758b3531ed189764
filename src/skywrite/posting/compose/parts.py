"""Several posts in one text, separated by lines of `---`.

What does not live here: splitting a post that is too long (`bsky.split`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SHARED = ("labels", "langs", "numbering", "markdown", "shorten")


def split_parts(text: str) -> list[str]:
    """The posts of a text, separated by lines of `---`."""
    found: list[list[str]] = [[]]
    for line in text.split("\n"):
        if line.strip() == "---":
            found.append([])
        else:
            found[-1].append(line)
    return [part for lines in found if (part := "\n".join(lines).strip("\n"))] or [""]


def thread_draft(texts: Sequence[str], row: Mapping[str, Any]) -> dict[str, Any]:
    """The draft of a thread. Each text is a post, or several if it is too long; the first has the media and card."""
    shared = {name: row[name] for name in SHARED if name in row}
    rest = [{"text": text, "split": True, **shared} for text in texts[1:]]
    return {**row, "text": texts[0], "split": True, "thread": rest}
